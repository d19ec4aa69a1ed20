"""Coded interviews of the demo: forty customers, drawn by lot among those who have lived something.

A code is heard with a probability that depends on what the customer had lived through before the interview
(`HEARD`). Some interviews are read by a second coder, who agrees most of the time.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from cjlib.datasets.draws import Bools, chance, pick, uniform
from cjlib.datasets.simulate import ZONE, Simulated

N_PEOPLE, N_AGAIN = 40, 2  # interviewed; interviewed a second time
FIRST_DAY, N_DAYS = "2026-03-02", 75
KEPT, ADDED = 0.88, 0.04  # the second coder keeps a code, adds one
CODERS = ("AM", "LB")
# code as written: what makes it likely, probability with and without
HEARD = {
    "Frais": ("fee_shown", 0.75, 0.05),
    "Délai": ("late", 0.85, 0.08),
    "Attente": ("long_wait", 0.85, 0.05),
    "Compte": ("account_created", 0.40, 0.12),
    "Prix": ("visit", 0.35, 0.35),
    "Conseil": ("store_visit", 0.50, 0.15),
    "Avis": ("review_read", 0.35, 0.10),
    "Emballage": ("delivered", 0.18, 0.00),
    "Retours": ("delivered", 0.20, 0.02),
    "Fidélité": ("points_used", 0.50, 0.06),
    "Mobile": ("visit", 0.08, 0.08),
    "Cadeau": ("purchase", 0.07, 0.02),
    "Parrainage": ("referral", 0.50, 0.01),
    "Accessibilité": ("visit", 0.03, 0.03),
}
NOTES = {
    "Frais": "Les frais de port arrivent à la fin : « j'ai refermé la page ».",
    "Délai": "Colis attendu plusieurs jours de trop, personne n'a prévenu.",
    "Attente": "Longtemps au téléphone avant d'avoir quelqu'un.",
    "Compte": "Ne voulait pas créer de compte pour un seul achat.",
    "Prix": "Compare toujours avec deux autres sites ; prix jugé correct.",
    "Conseil": "Apprécie le conseil en boutique, ne l'a pas retrouvé en ligne.",
    "Avis": "Lit les avis avant tout ; se méfie quand ils sont tous bons.",
    "Emballage": "Emballage trop grand, beaucoup de plastique.",
    "Retours": "N'a pas compris comment renvoyer l'article.",
    "Fidélité": "Les points comptent, mais oubliés au moment de payer.",
    "Mobile": "Sur le téléphone, le bouton de paiement ne se voit pas.",
    "Cadeau": "Achetait pour offrir ; aurait voulu un mot dans le colis.",
    "Parrainage": "Est venue par une amie, parle du code de parrainage.",
    "Accessibilité": "Utilise un lecteur d'écran : le panier n'est pas lu.",
}
# What should never be in notes, and always is: a report must not show it.
PERSONAL = (" Rappeler au 06 39 98 12 34.", " Envoyer le compte rendu à camille.martin@example.com.")


def talks(shop: Simulated, *, seed: int) -> pd.DataFrame:
    """Rows of `entretiens.csv`: one passage with its codes, per coder; blemishes included.

    Its stream of random numbers is its own, so that no other file of the demo moves.
    """
    rng = np.random.default_rng([seed, 2])
    held = _held(rng, shop)
    heard = _heard(rng, shop, held)
    rows = [row for place in range(len(held)) for row in _passages(rng, held.iloc[place], heard[place], place)]
    table = pd.DataFrame(rows, columns=["Entretien", "Client", "Date", "Codeur", "Codes", "Notes"])
    personal = dict(zip((3, len(table) // 2), PERSONAL, strict=True))
    table["Notes"] = [note + personal.get(place, "") for place, note in enumerate(table["Notes"])]
    forgotten = table.iloc[[10]].assign(Codes="", Notes="Passage à relire.")
    nobody = table.iloc[[20]].assign(Client="")
    return pd.concat([table, forgotten, nobody]).sort_index(kind="stable")


def _held(rng: np.random.Generator, shop: Simulated) -> pd.DataFrame:
    """Who was interviewed, and when: by working hours, in the order of the days."""
    start = pd.Timestamp(FIRST_DAY).tz_localize(ZONE)
    known = shop.truth.customers.query("entry_at < @limit", local_dict={"limit": start.value // 1000})
    weight = 1.0 + 4.0 * known["fee"] + 7.0 * known["late"] + 30.0 * known["long_wait"]
    order = np.argsort(rng.random(len(known)) / weight.to_numpy(), kind="stable")[:N_PEOPLE]
    again = order[:N_AGAIN]
    customers = known["customer"].to_numpy()[np.concatenate([order, again])]
    days = np.sort(pick(rng, len(customers), np.ones(N_DAYS)))
    days[-N_AGAIN:] = N_DAYS + np.arange(N_AGAIN)  # the second talk comes after all the first ones
    minutes = np.floor(uniform(rng, len(customers), 9 * 60, 18 * 60) / 15) * 15
    local = pd.Timestamp(FIRST_DAY) + pd.to_timedelta(days, unit="D") + pd.to_timedelta(minutes, unit="min")
    at = local.tz_localize(ZONE)
    return pd.DataFrame({"customer": customers, "at": at.as_unit("us").asi8, "text": local.strftime("%d/%m/%Y %H:%M")})


def _heard(rng: np.random.Generator, shop: Simulated, held: pd.DataFrame) -> Bools:
    """Which codes each interview holds, shape (interviews, codes); every interview holds one."""
    late = set(shop.truth.customers.query("late")["customer"])
    events = shop.events.merge(held.reset_index(names="place"), on="customer", suffixes=("", "_talk"))
    events = events[events["at"] < events["at_talk"]]
    found = np.zeros((len(held), len(HEARD)), dtype=np.bool_)
    for column, (cause, often, seldom) in enumerate(HEARD.values()):
        lived = np.zeros(len(held), dtype=np.bool_)
        lived[events.loc[events["event"] == ("delivered" if cause == "late" else cause), "place"].unique()] = True
        if cause == "late":
            lived &= held["customer"].isin(late).to_numpy()
        found[:, column] = chance(rng, len(held), np.where(lived, often, seldom))
    found[~found.any(axis=1), list(HEARD).index("Prix")] = True
    return found


def _passages(rng: np.random.Generator, held: pd.Series, heard: Bools, place: int) -> Iterator[tuple[str, ...]]:
    """Rows of one interview; a passage may hold two codes, and the second coder reads the same passages."""
    names = list(HEARD)
    codes = [names[i] for i in np.flatnonzero(heard)]
    joined = chance(rng, len(codes), 0.25)
    passages: list[list[str]] = []
    for code, joins in zip(codes, joined, strict=True):
        if joins and passages and len(passages[-1]) == 1:
            passages[-1].append(code)
        else:
            passages.append([code])
    kept = chance(rng, len(codes), KEPT)
    added = [names[i] for i in np.flatnonzero(chance(rng, len(names), ADDED) & ~heard)]
    agreed = {code for code, keeps in zip(codes, kept, strict=True) if keeps}
    head = (f"E{place + 1:02d}", str(held["customer"]), str(held["text"]))
    for passage in passages:
        yield (*head, CODERS[0], " | ".join(passage), " ".join(NOTES[code] for code in passage))
    if place % 7 in (0, 2, 5):  # read by both
        for passage in [[code for code in passage if code in agreed] for passage in passages] + [added]:
            if passage:
                yield (*head, CODERS[1], " | ".join(passage), " ".join(NOTES[code] for code in passage))
