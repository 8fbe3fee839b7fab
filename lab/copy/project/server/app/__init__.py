"""Code that your tools, resources, prompts and routes share: models, clients."""
