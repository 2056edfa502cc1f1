"""A fine-tuning run on disk: the folder's protocol, launching a worker, and the worker itself.

The worker is a process of its own. Everybody else (pages, command line, a second machine that sees the folder) only
reads the folder, and asks for an end by putting a file named `stop` into it.
"""
