"""What a special page may be made of, in which order its blocks stand, when it is shown. Pure.

A block is a plain dict `{"id", "type", "for", …fields}` so that it can be stored, exported and compared.
"""

from app.topics.rules.blocks import AUDIENCES, BLOCKS, HOME, QUICK_ICONS, Block, BlockType, Field, Input
from app.topics.rules.checks import BlockProblem, check_block, check_link, check_size, check_slug
from app.topics.rules.order import arrange, default_home, move
from app.topics.rules.windows import PHASE_WORDS, Phase, Window, choose_live, next_change, phase

__all__ = [
    "AUDIENCES",
    "BLOCKS",
    "HOME",
    "PHASE_WORDS",
    "QUICK_ICONS",
    "Block",
    "BlockProblem",
    "BlockType",
    "Field",
    "Input",
    "Phase",
    "Window",
    "arrange",
    "check_block",
    "check_link",
    "check_size",
    "check_slug",
    "choose_live",
    "default_home",
    "move",
    "next_change",
    "phase",
]
