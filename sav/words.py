"""Words that a detector is told to find, as users write them."""

from __future__ import annotations

from collections.abc import Iterable

from sav.errors import SettingError

# Words that an open-vocabulary detector is told to find; the largest public vocabulary has 1203 (LVIS).
MOST_WORDS = 2000
# Bytes in UTF-8 of one of them, as of a detector's class name.
LONGEST_WORD = 200


def as_words(wanted: str | Iterable[str] | None) -> tuple[str, ...]:
    """What an open-vocabulary detector is to find, in order; none if nothing is wanted.

    Args:
        wanted: Words or phrases between commas, `"red bus, dog on a leash"`, or several of them. Blanks
            around one do not matter, nor do commas with nothing between them.

    Raises:
        SettingError: There is nothing between the commas, or something twice, too long, or that is no text.
    """
    if wanted is None:
        return ()
    texts = [wanted] if isinstance(wanted, str) else list(wanted)
    if not all(isinstance(text, str) for text in texts):
        raise SettingError(f"words must be text, such as 'red bus, dog', not {wanted!r}"[:200])
    words = [" ".join(part.split()) for text in texts for part in text.split(",")]
    words = [word for word in words if word]
    if texts and not words:
        raise SettingError("there is no word in words; write them between commas: red bus, dog on a leash")
    for word in words:
        if len(word.encode(errors="replace")) > LONGEST_WORD or not word.isprintable():
            raise SettingError(f"'{word[:40]!a}' cannot be a word: too long, or with signs that are no text")
    folded = [word.casefold() for word in words]
    twice = next((word for word in words if folded.count(word.casefold()) > 1), None)
    if twice is not None:
        raise SettingError(f"words name '{twice}' twice; capitals make no difference")
    if len(words) > MOST_WORDS:
        raise SettingError(f"there are {len(words)} words; {MOST_WORDS} are the most")
    return tuple(words)
