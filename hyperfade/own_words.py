"""The user's own templates, where a folder of them is set."""

from hyperfade.settings import Settings
from messages.environments import check_folder, use_folder


def use_own_words(settings: Settings) -> int:
    """Let the templates of the folder that is set come before the built-in ones; return how many.

    Raises:
        SettingsError: one of them is wrong; names its file and line.
    """
    found = 0 if settings.templates_dir is None else check_folder(settings.templates_dir)
    use_folder(settings.templates_dir)
    return found
