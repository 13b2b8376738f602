"""A launched job in numbers, for who asks its metrics port."""
