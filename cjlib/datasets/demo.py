"""The demo data: a sample of the simulated shop, written as French tools export it, blemishes included.

`python -m cjlib.datasets.demo [FOLDER]` writes the files again, byte by byte the same. What is wrong with
them on purpose is listed in `BLEMISHES`, and in `data/README.md`.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cjlib.core.errors import ParameterError
from cjlib.datasets.draws import pick
from cjlib.datasets.simulate import MINUTE, ZONE, Simulated, simulate
from cjlib.datasets.talks import talks

SEED = 2028
N_CUSTOMERS = 1_680
DAY_US = 1440 * MINUTE
SMALLEST = 200  # customers; fewer leave no room for the blemishes
NBSP = "\u00a0"

ACTIONS = {
    "ad_click": "Clic publicité",
    "social_post": "Publication vue",
    "newsletter_click": "Clic newsletter",
    "visit": "Visite",
    "product_view": "Fiche produit",
    "review_read": "Avis lus",
    "store_visit": "Passage en boutique",
    "add_to_cart": "Ajout au panier",
    "account_created": "Compte créé",
    "fee_shown": "Frais de port affichés",
    "cart_email": "Relance panier",
    "unsubscribe": "Désinscription",
    "tracking_sms": "SMS de suivi",
    "review": "Avis publié",
    "referral": "Parrainage",
    "points_used": "Points utilisés",
    "offer_click": "Clic offre fidélité",
}
TICKETS = {"support_call": "Appel", "support_email": "Courriel", "long_wait": "Attente > 15 min"}
CHANNELS = {
    "web": "Web",
    "e-mail": "E-mail",
    "SMS": "SMS",
    "phone": "Téléphone",
    "shop": "Boutique",
    "social": "Réseaux sociaux",
    "home": "Domicile",
}
STAGES = {
    "comparison": "Comparaison",
    "decision": "Décision",
    "reception": "Réception",
    "after-sales": "Service après-vente",
    "loyalty": "Fidélisation",
}
SURVEYS = {"csat": "enquete_satisfaction.csv", "ces": "enquete_effort.csv", "nps": "enquete_nps.csv"}
BLEMISHES = {
    "web.csv": {"duplicate rows": 12, "after the cut-off": 3, "impossible dates": 2, "no customer id": 2},
    "commandes.csv": {"delivered before ordered": 2},
    "enquete_nps.csv": {"unknown customers": 4},
    "entretiens.csv": {"no code": 1, "no customer id": 1},
}


def write_demo(folder: Path, *, seed: int = SEED, n_customers: int = N_CUSTOMERS) -> list[Path]:
    """Write the demo files into `folder`, which must exist; the same seed writes the same bytes.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in write_demo(Path(folder), n_customers=200)][:3]
    ['web.csv', 'commandes.csv', 'support.csv']
    """
    if n_customers < SMALLEST:
        raise ParameterError(f"n_customers={n_customers} must be at least {SMALLEST}.", code="CJ-DS-002")
    # People arrive until the day before the cut-off: some are still on their way, as in any real export.
    shop = simulate(n_customers=n_customers, seed=seed, entry_days=239)
    rng = np.random.default_rng([seed, 1])  # a stream of its own: blemishes do not move the customers
    tables = {
        "web.csv": (_web(shop, rng), "cp1252"),
        "commandes.csv": (_orders(shop), "cp1252"),
        "support.csv": (_support(shop, rng), "cp1252"),
        **{name: (_survey(shop, kind), "utf-8") for kind, name in SURVEYS.items()},
        "clients.csv": (_clients(shop), "cp1252"),
        "entretiens.csv": (talks(shop, seed=seed), "utf-8"),
    }
    for name, (table, encoding) in tables.items():
        (folder / name).write_bytes(_csv(table).encode(encoding))
    return [folder / name for name in tables]


def _csv(table: pd.DataFrame) -> str:
    """Semicolons, quotes where needed, Windows line ends: what a French spreadsheet saves."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(table.columns)
    writer.writerows(table.itertuples(index=False, name=None))
    return text.getvalue()


def _moment(instants: pd.Series) -> pd.Series:
    """Local wall clock, day first, to the minute; empty where unknown."""
    local = pd.to_datetime(instants.astype("Int64"), unit="us", utc=True).dt.tz_convert(ZONE)
    return local.dt.strftime("%d/%m/%Y %H:%M").fillna("")


def _amount(values: pd.Series, decimals: int = 2) -> pd.Series:
    """French numbers: decimal comma, no-break space between thousands, empty where unknown."""
    texts = [
        "" if np.isnan(value) else f"{value:,.{decimals}f}".replace(",", NBSP).replace(".", ",") for value in values
    ]
    return pd.Series(texts, index=values.index, dtype=object)


def _web(shop: Simulated, rng: np.random.Generator) -> pd.DataFrame:
    events = shop.events[shop.events["event"].isin(list(ACTIONS))].sort_values("at", kind="stable")
    table = pd.DataFrame(
        {
            "N° client": events["customer"],
            "Date": _moment(events["at"]),
            "Action": events["event"].map(ACTIONS),
            "Canal": events["channel"].map(CHANNELS),
            "Montant": _amount(events["value"]),
            "Session": events["session"].astype(str).replace("0", ""),
        }
    ).reset_index(drop=True)
    wrong = BLEMISHES["web.csv"]
    rows = pick(rng, wrong["duplicate rows"], np.ones(len(table)))
    late = table.tail(wrong["after the cut-off"]).assign(Date="02/07/2026 08:30")
    undated = table.iloc[[100, 200]].assign(Date=["00/00/0000 00:00", "31/06/2026 09:15"])
    nobody = table.iloc[[300, 400]].assign(**{"N° client": ""})
    table = pd.concat([table, table.iloc[np.unique(rows)], undated, nobody])
    # An export sorted by day: the repeated rows stand beside the first ones.
    return pd.concat([table.sort_index(kind="stable"), late])


def _orders(shop: Simulated) -> pd.DataFrame:
    events = shop.events[shop.events["order"] > 0]
    milestones = ("purchase", "shipped", "delivered")
    wide = pd.DataFrame({name: events[events["event"] == name].set_index("order")["at"] for name in milestones})
    wide = wide.astype("Int64")
    bought = events[events["event"] == "purchase"].set_index("order")
    where = events[events["event"] == "shipped"].set_index("order")["channel"]
    wide = wide.loc[bought.sort_values("at", kind="stable").index]
    for row in (len(wide) // 40, len(wide) // 4):  # orders delivered the day before they were placed
        wide.loc[wide.index[row], "delivered"] = wide["purchase"].iloc[row] - DAY_US
    promised = wide["purchase"] + 5 * DAY_US
    return pd.DataFrame(
        {
            "Commande": "C" + pd.Series(wide.index, index=wide.index).astype(str),
            "N° client": bought["customer"],
            "Date commande": _moment(wide["purchase"]),
            "Expédition": _moment(wide["shipped"]),
            "Livraison": _moment(wide["delivered"]),
            "Livraison promise": _moment(promised).str[:10],
            "Montant": _amount(bought["value"]),
            "Mode": where.reindex(wide.index).map(CHANNELS).fillna(""),
            "Session": bought["session"].astype(str),
        },
        index=wide.index,
    )


def _support(shop: Simulated, rng: np.random.Generator) -> pd.DataFrame:
    events = shop.events[shop.events["event"].isin(list(TICKETS))].sort_values("at", kind="stable")
    late = events["customer"].isin(shop.truth.customers.query("late")["customer"]).to_numpy()
    other = np.array(["Produit", "Retour", "Facture", "Compte"], dtype=object)
    reason = other[pick(rng, len(events), [4, 3, 2, 1])]
    about_delay = late & (rng.random(len(events)) < 0.7)
    tickets = {customer: rank for rank, customer in enumerate(events["customer"].unique(), start=1)}
    reasons = pd.Series(np.where(about_delay, "Livraison", reason), index=events.index)
    return pd.DataFrame(
        {
            "Ticket": events["customer"].map(tickets).map("T{:05d}".format),
            "N° client": events["customer"],
            "Date": _moment(events["at"]),
            "Type": events["event"].map(TICKETS),
            "Canal": events["channel"].map(CHANNELS),
            "Attente (min)": _amount(events["value"], decimals=1),
            "Motif": reasons.groupby(events["customer"]).transform("first"),
        }
    )


def _survey(shop: Simulated, instrument: str) -> pd.DataFrame:
    asked = shop.responses[shop.responses["instrument"] == instrument]
    table = pd.DataFrame(
        {
            "Client": asked["customer"],
            "Étape": asked["stage"].map(STAGES),
            "Envoi": _moment(asked["asked_at"]),
            "Réponse": _moment(asked["answered_at"]),
            "Note": ["NR" if np.isnan(score) else f"{score:.0f}" for score in asked["score"]],
            "Commentaire": asked["comment"],
        }
    ).reset_index(drop=True)
    long = table.index[table["Commentaire"].str.len() > 40]
    for row in long[5:16:10]:  # two people press Enter in the comment box
        table.loc[row, "Commentaire"] += "\nMerci de me répondre ; bonne journée."
    strangers = BLEMISHES[SURVEYS[instrument]]["unknown customers"] if instrument == "nps" else 0
    unknown = table.iloc[np.arange(strangers) * 7].assign(
        Client=[f"9{rank:04d}" for rank in range(1, strangers + 1)], Commentaire=""
    )
    return pd.concat([table, unknown])


def _clients(shop: Simulated) -> pd.DataFrame:
    people = shop.customers
    return pd.DataFrame(
        {
            "N° client": people["customer"],
            "Persona": people["persona"],
            "Région": people["region"],
            "Livraison promise": _moment(people["promised"]).str[:10],
        }
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the demo files into the folder given, or into data/demo."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    write_demo(Path(given[0]) if given else Path("data/demo"))


if __name__ == "__main__":
    main()
