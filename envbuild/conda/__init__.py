"""conda's configuration on this machine, and what a channel's name stands for by it."""
