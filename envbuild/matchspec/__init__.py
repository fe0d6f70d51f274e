"""conda's package specs and channels in one spelling: what they mean, without any of conda's configuration."""
