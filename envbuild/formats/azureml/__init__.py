"""AzureML's and MLflow's own files."""
