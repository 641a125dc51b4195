"""The user's own templates, where a folder of them is set."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from core.errors import SettingsError
from hyperfade.settings import Settings
from hyperfade.words_process import WordsProcess
from messages.environments import use_own
from messages.own_templates import EXAMPLE, own_names, replaces_something


@contextmanager
def own_words(settings: Settings) -> Iterator[int]:
    """Let the templates of the folder that is set come before the built-in ones; yield how many.

    Raises:
        SettingsError: there is no such folder, one replaces nothing, or one is wrong; names file and line.
    """
    folder = settings.templates_dir
    if folder is None:
        yield 0
        return
    if not folder.is_dir():
        raise SettingsError(f"HYPERFADE_TEMPLATES_DIR: {folder} is no folder; make it, or unset the setting")
    names = own_names(folder)
    if not names:
        raise SettingsError(
            f"HYPERFADE_TEMPLATES_DIR: no template in {folder}: expected a file such as {EXAMPLE}"
        )
    for name in names:
        if not replaces_something(name):
            raise SettingsError(
                f"HYPERFADE_TEMPLATES_DIR: {name} replaces nothing: expected the name of a built-in template "
                f"such as {EXAMPLE}, or one that begins with _ for pieces of your own"
            )
    with closing(WordsProcess(folder)) as words:
        for name in names:
            words.check(name)
        use_own(words)
        try:
            yield len(names)
        finally:
            use_own(None)
