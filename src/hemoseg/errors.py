"""The one exception that a user is meant to read."""


class InputError(Exception):
    """Input that cannot be used: one sentence naming the file, the cause and the remedy.

    A step lets it rise; the command line prints it without a traceback and exits with status 2.
    """
