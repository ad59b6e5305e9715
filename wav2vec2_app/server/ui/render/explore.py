"""The entrance of the view "Explore"; ``assets/ui/modules/explore.js`` draws it when it is opened."""

from __future__ import annotations

from wav2vec2_app.server.ui import texts


def entrance() -> str:
    """A closed fold with an empty place; shown with a result."""
    return (
        f'<details class="w-explore" id="w-explore"><summary>{texts.EXPLORE}'
        f'<span class="w-hint">{texts.EXPLORE_HINT}</span></summary>'
        '<div class="w-explore-view"></div></details>'
    )
