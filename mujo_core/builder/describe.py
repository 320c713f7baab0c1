"""Descriptions of activities by a language model, where the user names a service for them."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

from mujo_core.builder.clip import dump_json
from mujo_core.builder.plan import Plan
from mujo_core.builder.settings import TextSettings
from mujo_core.cache import write_atomically

KEPT = 'descriptions.json'
_PROMPT = (
    'Describe in one plain sentence of at most 25 words how a person moves who does this: {}. '
    'Answer with the sentence alone.'
)


def with_descriptions(plan: Plan, settings: TextSettings, folder: Path) -> Plan:
    """Return a plan with the descriptions of a service, or as it is where none is named.

    Each activity is asked for once; answers are kept in the folder of the build, so that a build
    that is continued says the same.

    Raises:
        ValueError: the settings name a service but no model, or the answer is not understood.
        OSError: the service does not answer.
    """
    if not settings.endpoint:
        return plan
    if not settings.model or not settings.endpoint.startswith(('http://', 'https://')):
        raise ValueError(
            'expected text.endpoint as http(s)://HOST/v1 and the name of its model as text.model, '
            f'{settings.endpoint!r} and {settings.model!r} came'
        )
    path = folder / KEPT
    kept: dict[str, str] = json.loads(path.read_bytes()) if path.is_file() else {}
    for words in dict.fromkeys(clip.words for clip in plan.clips if clip.label):
        name = f'{settings.model}: {words}'
        if name not in kept:
            kept[name] = ask(words, settings)
            write_atomically(path, dump_json(kept))
    clips = [
        replace(clip, description=kept[f'{settings.model}: {clip.words}']) if clip.label else clip
        for clip in plan.clips
    ]
    return replace(plan, clips=clips)


def ask(words: str, settings: TextSettings) -> str:
    """Ask an OpenAI-compatible service (``/chat/completions``) for one sentence."""
    body = {
        'model': settings.model,
        'temperature': 0,
        'messages': [{'role': 'user', 'content': _PROMPT.format(words)}],
    }
    headers = {'Content-Type': 'application/json'}
    if key := os.environ.get(settings.key):
        headers['Authorization'] = f'Bearer {key}'
    url = f'{settings.endpoint.rstrip("/")}/chat/completions'
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=settings.timeout) as response:
            answer: Any = json.load(response)
        text = ' '.join(str(answer['choices'][0]['message']['content']).split())
    except urllib.error.URLError as error:
        raise OSError(f'{url}: no answer ({error}); is the service running?') from error
    except (KeyError, IndexError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f'{url}: expected an answer of chat/completions, {error!r}') from error
    if not text:
        raise ValueError(f'{url}: expected a sentence about {words!r}, nothing came')
    return text
