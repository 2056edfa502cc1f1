"""The seed projects: their systems as recipes, and the table that running them again makes."""
