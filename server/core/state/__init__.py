"""What outlives a request and is shared: here subscriptions; sessions and tasks are next."""
