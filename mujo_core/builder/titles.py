"""Titles of chapters to the words of an activity, its label and a description."""

from __future__ import annotations

import re
import unicodedata

from mujo_core.labels import identifier, merge, taxonomy


def _any(words: str) -> str:
    return f'(?:{"|".join(words.split())})'


_NUMBER = _any(
    r'\d+(?:[.,]\d+)? one two three four five six seven eight nine ten twelve fifteen twenty thirty'
)
_UNIT = _any('s secs? seconds? m mins? minutes? hrs? hours?')
_COUNT = _any('x times reps? repetitions? rounds? sets? laps? kgs? lbs? pounds?')
_PART = _any(
    'exercise move movement drill workout round set part step day week circuit block station '
    'chapter video no nr number'
)
_REMOVED = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r'\(?\b\d{1,2}:\d{2}(?::\d{2})?\b\)?',  # 0:30
        rf'\b{_PART}\.?\s*#?\s*{_NUMBER}\s*(?:of|out of|/)\s*{_NUMBER}\b',  # exercise 3 of 10
        rf'\b{_NUMBER}\s*(?:of|out of|/)\s*{_NUMBER}\b',  # 3/10
        rf'\b{_PART}\.?\s*#?\s*{_NUMBER}\b',  # round 2
        rf'\b{_NUMBER}\s*[-–x×]\s*{_NUMBER}\s*{_COUNT}?\b',  # 3 x 12, 8-12 reps
        rf'\bfor\s+{_NUMBER}\s*[- ]?{_UNIT}\b',  # for 30 seconds
        rf'\b{_NUMBER}\s*[- ]?{_UNIT}\b',  # 30 sec, 30s
        rf'\b{_NUMBER}\s*[- ]?{_COUNT}\b(?:\s+(?:of|each|per)\b(?:\s+(?:side|leg|arm|way)\b)?)?',
        rf'\b[x×]\s*{_NUMBER}\b',  # x12
        r'\b(?:each|per|both|either|other|same)\s+(?:side|leg|arm|way|direction)s?\b',
        r'^\s*(?:#|no\.?|nr\.?)?\s*\d+\s*[.):\-–]+\s*',  # 3. and 03) and 3 -
        r'#\s*\d+\b',
    )
)
_BRACKETS = re.compile(r'[\[({][^\])}]*[\])}]')
_NO_ACTIVITY = {
    'intro', 'introduction', 'outro', 'welcome', 'subscribe', 'credits', 'disclaimer', 'ending',
    'end', 'start', 'thanks', 'thank_you', 'thanks_for_watching', 'preview', 'overview', 'summary',
    'equipment', 'conclusion', 'trailer', 'next', 'get_ready', 'prepare', 'sponsor', 'finish',
    'music', 'talk', 'q_a', 'faq', 'untitled_chapter',
}  # fmt: skip
_REST = {'rest', 'break', 'short_break', 'long_break', 'water_break', 'rest_time', 'recover',
         'recovery', 'pause'}  # fmt: skip


def words_of(title: str) -> str:
    """Return the words of an activity: counts, durations, numbering and brackets are taken out.

    ``'Exercise 3 of 10: Jumping Jacks (30 sec)'`` is ``'jumping jacks'``. What holds nothing else
    comes back empty.
    """
    text = unicodedata.normalize('NFKC', title)
    text = _BRACKETS.sub(' ', text)
    for pattern in _REMOVED:
        text = pattern.sub(' ', text)
    text = re.sub(r'[^\w\s&+\'-]', ' ', text).replace('_', ' ')
    text = re.sub(r'(?:^|\s)[-&+\']+(?=\s|$)', ' ', text)
    text = re.sub(r'\bx\b(?=\s|$)', ' ', text) if not re.search(r'\bdraw x\b', text, re.I) else text
    words = text.lower().split()
    while words and words[0] in ('of', 'the', 'a', 'and', 'with', 'for', 'next', 'up'):
        words.pop(0)
    while words and words[-1] in ('of', 'the', 'a', 'and', 'with', 'for', 'part', 'again'):
        words.pop()
    return ' '.join(words) if any(any(c.isalpha() for c in word) for word in words) else ''


def label_of(words: str) -> str:
    """Return the taxonomy's label for words, also in the singular, or their identifier.

    Empty where they name no activity (an intro, a request to subscribe).
    """
    name = identifier(words)
    if not name or name in _NO_ACTIVITY:
        return ''
    if name in _REST:
        return 'rest'
    for candidate in (name, *_singular(name)):
        if merge(candidate) in taxonomy():
            return merge(candidate)
    return name


def describe(label: str, words: str) -> str:
    """Return a sentence about an activity: the taxonomy's, or one made of its words."""
    known = taxonomy().get(label)
    return known.description if known else f'a person does {words}'


def _singular(name: str) -> list[str]:
    head, _, last = name.rpartition('_')
    prefix = f'{head}_' if head else ''
    found = []
    if last.endswith('es') and len(last) > 4:
        found.append(prefix + last[:-2])
    if last.endswith('s') and not last.endswith('ss') and len(last) > 3:
        found.append(prefix + last[:-1])
    return found
