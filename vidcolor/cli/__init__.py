"""The command line: a file for each command."""

from __future__ import annotations

COMMANDS = {
    "plan": "write the plan of a film as JSON, for `vidcolor unit` and `vidcolor join`",
    "unit": "colour one unit of a plan",
    "join": "join the finished units of a plan into the film",
    "scenes": "find the shots and write them in PySceneDetect's format",
    "propose": "propose colours for a film without keys: pictures of one frame per shot, and their anchors in a file",
    "stylize": "give a photograph or a film in colour the colours of a picture",
}
"""The commands beside `vidcolor MOVIE` and what they do; `plan.py` has `vidcolor plan`, and so on."""
