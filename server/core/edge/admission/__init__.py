"""Who is let in and how much may be sent, before anything is parsed or served."""
