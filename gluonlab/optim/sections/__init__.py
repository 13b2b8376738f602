"""The keys of each optimizer in a recipe, beside what they build; read without MXNet."""
