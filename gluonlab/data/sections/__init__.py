"""The keys of each kind of data set in a recipe, beside what opens it; read without MXNet."""
