"""What objects with AzureML's names share: declared attributes, the JSON and YAML they are saved as, what they refuse."""
