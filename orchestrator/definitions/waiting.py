"""`waiting:` of a department: how callers wait while every member is busy."""

from __future__ import annotations

from orchestrator.definitions import scalars
from orchestrator.definitions.prompts import PROMPT
from orchestrator.definitions.records import Converted, Record
from orchestrator.definitions.shapes import Field
from orchestrator.model.prompt import SILENCE
from orchestrator.model.waiting import LONGEST_WAIT_S, MOST_WAITING, Waiting

_MOST = Field(
    "most",
    scalars.integer(1, MOST_WAITING),
    "How many callers wait at once; for one more the department is busy.",
    "5",
    default=10,
)
_LONGEST = Field(
    "longest_s",
    scalars.seconds(5, LONGEST_WAIT_S),
    "How long a caller waits; then nobody answers.",
    "120",
    default=300,
)
_MUSIC = Field(
    "music",
    PROMPT,
    "What they hear: a prompt, played over and over.",
    "music/queue.wav",
    default=SILENCE,
    default_text="`music_on_hold` of the tenant; without that, ringing tones",
)
_PLACE = Field(
    "position",
    scalars.boolean(),
    "Whether they are told which in the queue they are, also when that improves.",
    "true",
    default=False,
    default_text="false",
)
_TIME = Field(
    "time",
    scalars.boolean(),
    "Whether they are told how long it may take, by how long others waited before.",
    "true",
    default=False,
    default_text="false",
)
REPEAT = Field(
    "repeat_s", scalars.seconds(10, 600), "How often they are told `position` and `time`.", "30", default=30
)


def _waiting(given: Converted) -> Waiting:
    return Waiting(
        most=given[_MOST],
        longest_s=given[_LONGEST],
        music=given[_MUSIC],
        tells_place=given[_PLACE],
        tells_time=given[_TIME],
        repeat_s=given[REPEAT],
        position=given.position,
    )


WAITING: Field[Waiting | None] = Field(
    "waiting",
    Record("a queue", (_MOST, _LONGEST, _MUSIC, _PLACE, _TIME, REPEAT), _waiting),
    "Callers wait here while every member is busy.",
    "{most: 5, longest_s: 120, music: music/queue.wav, position: true, time: true}",
    default=None,
    default_text="nobody waits: it is busy",
)
