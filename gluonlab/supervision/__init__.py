"""Between a launcher and its processes: what each is doing, what went wrong, and the wish to stop."""
