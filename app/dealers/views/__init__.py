"""Pages of the dealers: `lists` by city and by distance, `store` one store, `staff_store` what a store hands in."""

from flask import Blueprint

from app.dealers.rules import distance_words

blueprint = Blueprint("dealers", __name__)
blueprint.add_app_template_filter(distance_words, "distance")

# The pages add their routes to the blueprint above.
from app.dealers.views import cities, lists, staff_store, store  # noqa: E402, F401
