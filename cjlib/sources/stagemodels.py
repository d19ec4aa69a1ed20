"""Stage models that can be named in a study: the vocabularies of the four guides, as data."""

from __future__ import annotations

STAGE_MODELS: dict[str, dict[str, dict[str, str]]] = {
    "zendesk-3": {
        "discovery": {"en": "Discovery", "fr": "Découverte"},
        "reflection": {"en": "Reflection", "fr": "Réflexion"},
        "decision": {"en": "Decision", "fr": "Décision"},
    },
    "highby-5": {
        "awareness": {"en": "Awareness", "fr": "Prise de conscience"},
        "consideration": {"en": "Consideration", "fr": "Considération"},
        "action": {"en": "Action", "fr": "Action"},
        "experience": {"en": "Experience", "fr": "Expérience"},
        "advocacy": {"en": "Advocacy", "fr": "Recommandation"},
    },
    "agency-6": {
        "awareness": {"en": "Awareness", "fr": "Notoriété"},
        "attention": {"en": "Attention", "fr": "Attention"},
        "desire": {"en": "Desire", "fr": "Désir"},
        "action": {"en": "Action", "fr": "Action"},
        "support": {"en": "Support", "fr": "Accompagnement"},
        "fan": {"en": "Fan", "fr": "Fan"},
    },
    "hubspot-8": {
        "search": {"en": "Information search", "fr": "Recherche d’informations"},
        "comparison": {"en": "Comparison", "fr": "Comparaison"},
        "decision": {"en": "Decision", "fr": "Décision"},
        "reception": {"en": "Reception", "fr": "Réception"},
        "evaluation": {"en": "Evaluation", "fr": "Évaluation"},
        "after_sales": {"en": "After-sales service", "fr": "Service après-vente"},
        "loyalty": {"en": "Loyalty", "fr": "Fidélisation"},
        "recommendation": {"en": "Recommendation", "fr": "Recommandation"},
    },
}
