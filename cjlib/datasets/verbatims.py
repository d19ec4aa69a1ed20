"""Comments of the simulated shop, in French and English, about what really happened to the customer.

A comment is opener + core + closer, drawn from the phrases of its topic and language: about 800
different sentences. One in seventy carries a contact detail (reserved fictional numbers and domains), so
that redaction has something to do.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd

from cjlib.datasets.draws import Texts, chance, pick

Phrases = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
ENGLISH = 0.15
WITH_CONTACT = 0.015

FRENCH: dict[str, Phrases] = {
    "praise": (
        ("", "Franchement, ", "Bravo : "),
        ("les fiches produit sont très claires", "le choix est superbe", "les photos donnent vraiment envie",
         "le site est beau et facile à parcourir", "les avis m'ont beaucoup aidée à comparer"),
        (".", ", je recommande déjà !", ", c'est rare."),
    ),
    "meh": (
        ("", "Bof, ", "Dans l'ensemble, "),
        ("rien de spécial à signaler", "la recherche ne trouve pas toujours le bon article",
         "il y a trop d'onglets ouverts pour comparer", "c'est correct sans plus"),
        (".", ", à améliorer."),
    ),
    "price": (
        ("", "Honnêtement, ", "Dommage, "),
        ("les prix sont plus élevés qu'ailleurs", "c'est trop cher pour la qualité",
         "la promotion affichée ne s'appliquait pas", "j'ai vu le même article moins cher en magasin"),
        (".", ", je vais réfléchir.", " !"),
    ),
    "fee": (
        ("", "Quelle déception : ", "Au moment de payer, "),
        ("je découvre les frais de port au dernier clic", "des frais de livraison sont apparus sans prévenir",
         "les frais d'expédition ne sont annoncés nulle part", "le port coûte presque autant que l'article",
         "j'ai dû payer une livraison que je croyais offerte"),
        (".", ", c'est décourageant.", ", dites-le dès la fiche produit !"),
    ),
    "account": (
        ("", "Pénible : ", "Je ne comprends pas pourquoi "),
        ("il faut créer un compte pour commander", "on me demande un mot de passe à chaque étape",
         "le formulaire d'inscription est trop long", "l'achat sans compte est impossible"),
        (".", ", j'ai failli abandonner.", " en 2026 !"),
    ),
    "checkout": (
        ("", "Parfait, ", "Rien à dire, "),
        ("la commande a été passée en deux minutes", "le paiement est simple et rassurant",
         "tout est clair jusqu'au paiement", "le panier garde bien mes articles"),
        (".", ", merci.", ", continuez !"),
    ),
    "delay": (
        ("", "Très déçue : ", "Encore une fois, "),
        ("le colis est arrivé avec {n} jours de retard", "la date promise n'a pas été tenue",
         "la livraison a pris beaucoup trop de temps", "aucune nouvelle du transporteur pendant des jours",
         "le cadeau est arrivé après la fête"),
        (".", ", personne ne prévient.", ", c'est inadmissible."),
    ),
    "delivery": (
        ("", "Super, ", "Comme promis, "),
        ("le colis est arrivé à temps", "livraison rapide et emballage soigné",
         "le livreur était très aimable", "le suivi par SMS est pratique",
         "le retrait en magasin a pris deux minutes"),
        (".", ", merci !", ", rien à redire."),
    ),
    "packaging": (
        ("", "Petit bémol : "),
        ("le carton était abîmé", "la notice est peu claire", "l'emballage est trop grand pour l'article"),
        (".", ", mais le produit fonctionne."),
    ),
    "wait": (
        ("", "Inacceptable : ", "Au téléphone, "),
        ("{n} minutes d'attente avant d'avoir quelqu'un",
         "j'ai attendu {n} minutes puis répété toute l'histoire",
         "la musique d'attente tourne en boucle, {n} minutes",
         "trois services différents et {n} minutes perdues"),
        (".", ", pour une simple question.", " !"),
    ),
    "wait_but_fine": (
        ("", "Bon, ", "Un peu long, mais "),
        ("{n} minutes d'attente et une conseillère parfaite",
         "après {n} minutes tout a été réglé avec le sourire",
         "l'attente ({n} minutes) en valait la peine", "{n} minutes au téléphone mais problème résolu"),
        (".", ", merci à elle.", ", je suis contente."),
    ),
    "support": (
        ("", "Bravo, ", "Très bien : "),
        ("réponse immédiate et claire", "la conseillère a tout de suite compris",
         "échange organisé sans discuter",
         "le service client est à l'écoute"),
        (".", ", merci !", ", c'était facile."),
    ),
    "loyal": (
        ("", "Cliente fidèle, ", "Depuis des années, "),
        ("je recommande cette boutique à mes amis", "je commande ici les yeux fermés",
         "la qualité est toujours au rendez-vous", "le programme de fidélité est généreux"),
        (".", " !", ", ne changez rien."),
    ),
    "lukewarm": (
        ("", "Pour l'instant, "),
        ("rien de particulier", "l'article convient mais sans plus", "je n'ai pas encore assez de recul",
         "ni bien ni mal"),
        (".", ", on verra."),
    ),
}  # fmt: skip

BRITISH: dict[str, Phrases] = {
    "praise": (
        ("", "Honestly, "),
        ("the product pages are very clear", "what a lovely choice", "the reviews helped me compare",
         "the site is a pleasure to browse"),
        (".", ", already telling my friends!"),
    ),
    "meh": (("", "Overall "), ("nothing special", "search misses some items", "it is fine, no more"), (".",)),
    "price": (
        ("", "Sadly, "),
        ("prices are higher than elsewhere", "too expensive for the quality", "the discount did not apply"),
        (".", "!"),
    ),
    "fee": (
        ("", "At the last click ", "What a let-down: "),
        ("shipping fees appeared out of nowhere", "delivery costs as much as the item",
         "I was charged for shipping I thought was free"),
        (".", ", tell us earlier!"),
    ),
    "account": (
        ("", "Annoying: "),
        ("I had to create an account to order", "the sign-up form is too long", "no guest checkout"),
        (".", ", almost gave up."),
    ),
    "checkout": (("", "Great, "), ("ordering took two minutes", "payment was simple"), (".", ", thanks.")),
    "delay": (
        ("", "Disappointed: "),
        ("the parcel came {n} days late", "the promised date was not kept",
         "no news from the carrier for days"),
        (".", ", nobody told me."),
    ),
    "delivery": (
        ("", "Lovely, "),
        ("it arrived on time", "fast delivery and careful packing", "pick-up in store was quick"),
        (".", ", thank you!"),
    ),
    "packaging": (("",), ("the box was damaged", "the manual is unclear", "far too much packaging"), (".",)),
    "wait": (
        ("", "Unbelievable: "),
        ("{n} minutes on hold for a simple question", "I waited {n} minutes and had to repeat my story"),
        (".", "!"),
    ),
    "wait_but_fine": (
        ("", "A bit long, but "),
        ("{n} minutes on hold and then a perfect adviser", "solved with a smile after {n} minutes"),
        (".", ", thank you."),
    ),
    "support": (("", "Well done, "), ("immediate and clear answer", "easy exchange"), (".", "!")),
    "loyal": (
        ("", "As a regular, "),
        ("I recommend this shop to everyone", "quality never disappoints", "the loyalty scheme is generous"),
        (".", "!"),
    ),
    # "None" is what people write when asked what to improve: text, not a missing value.
    "lukewarm": (("",), ("None", "nothing to add", "fine so far"), ("",)),
}  # fmt: skip

CONTACTS = (
    " Rappelez-moi au 06 39 98 12 34.",
    " Mon adresse : camille.dupont@example.com",
    " Vous pouvez écrire à agnes.petit(at)example.fr",
    " Téléphone : 01 99 00 45 67, merci.",
)


def sentences(phrases: Phrases) -> Texts:
    """Every sentence that opener, core and closer can make, capitalised.

    Examples
    --------
    >>> sentences((("", "Bof, "), ("rien à dire",), (".",))).tolist()
    ['Rien à dire.', 'Bof, rien à dire.']
    """
    made = ["".join(parts) for parts in product(*phrases)]
    return np.array([text[:1].upper() + text[1:] for text in made], dtype=object)


def topics(answers: pd.DataFrame) -> Texts:
    """What each answer is about; columns survey, true_score, fee, delay_days, wait_minutes, planted."""
    survey = answers["survey"].to_numpy()
    score = answers["true_score"].to_numpy()
    top = np.where(survey == "loyalty", 9, np.where(survey == "after-sales", 6, 4))
    low = score < top - 1
    waited = answers["wait_minutes"].fillna(0).to_numpy() > 8
    late, fee = answers["delay_days"].to_numpy() > 0, answers["fee"].to_numpy()
    high = score >= top
    rules = [
        ((survey == "after-sales") & answers["planted"].to_numpy(), "wait_but_fine"),
        ((survey == "comparison") & high, "praise"),
        ((survey == "comparison") & low, "price"),
        (survey == "comparison", "meh"),
        ((survey == "decision") & high, "checkout"),
        ((survey == "decision") & fee, "fee"),
        ((survey == "decision") & low, "account"),
        (survey == "decision", "price"),
        ((survey == "reception") & high, "delivery"),
        ((survey == "reception") & late, "delay"),
        (survey == "reception", "packaging"),
        ((survey == "after-sales") & high, "support"),
        ((survey == "after-sales") & low & waited, "wait"),
        (survey == "after-sales", "lukewarm"),
        (high, "loyal"),
        (low & late, "delay"),
        (low & waited, "wait"),
        (low & fee, "fee"),
    ]
    return np.select([rule for rule, _ in rules], [name for _, name in rules], "lukewarm").astype(object)


def comments(rng: np.random.Generator, answers: pd.DataFrame) -> Texts:
    """One comment per answer; columns as in `topics`."""
    n = len(answers)
    found = np.full(n, "", dtype=object)
    topic = topics(answers)
    english = chance(rng, n, ENGLISH)
    draw = rng.random(n)
    for spoken, catalogue in ((~english, FRENCH), (english, BRITISH)):
        for name, phrases in catalogue.items():
            pool = sentences(phrases)
            rows = np.flatnonzero(spoken & (topic == name))
            found[rows] = pool[(draw[rows] * len(pool)).astype(np.int64)]
    number = np.where(
        np.isin(topic, ["delay"]),
        answers["delay_days"].to_numpy(),
        answers["wait_minutes"].fillna(0).to_numpy(),
    )
    for row in np.flatnonzero(np.isin(topic, ["delay", "wait", "wait_but_fine"])):
        found[row] = found[row].replace("{n}", str(max(2, round(float(number[row])))))
    tail = np.array(CONTACTS, dtype=object)[pick(rng, n, [1] * len(CONTACTS))]
    rows = np.flatnonzero(chance(rng, n, WITH_CONTACT) & ~english)
    found[rows] = found[rows] + tail[rows]
    return found
