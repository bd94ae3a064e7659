"""What callers hear: a sound file of the project, or a text that is spoken."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Prompt:
    """A prompt, or a piece of music; false when there is none.

    Args: file: WAV, relative to the project. say: a text instead. language: it is spoken in, `ru` or `en`.
    """

    file: str = ""
    say: str = ""
    language: str = ""

    def __bool__(self) -> bool:
        return bool(self.file or self.say)

    @property
    def text(self) -> str:
        """In words, for people; empty for none.

        >>> Prompt("music/hold.wav").text, Prompt(say="Добрый день", language="ru").text
        ('music/hold.wav', 'says in ru: Добрый день')
        """
        return f"says in {self.language}: {self.say}" if self.say else self.file


SILENCE = Prompt()
"""None."""
