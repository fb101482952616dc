"""HTML pages that show and play generated music: a player for notebooks and documentation, and a report on a model."""

from rnnrbm_pt.report.model_report import report_on
from rnnrbm_pt.report.page import Report, player_page, report_page
from rnnrbm_pt.report.pieces import Piece
from rnnrbm_pt.report.widget import Player, player

__all__ = ["Piece", "Player", "Report", "player", "player_page", "report_on", "report_page"]
