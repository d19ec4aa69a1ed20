"""Redaction of free text by rules: contact details and identifiers become typed marks.

Best effort, measured on a labelled corpus (tests/unit/privacy/test_redact.py), never "anonymous": names
and addresses are not recognised. Kept on purpose: order numbers, scores, dates, prices, SIRET.

Rules, in this order: e-mail (also "(at)", "arobase"), URL, IBAN (mod 97), French social security number
(NIR, key checked), payment card (Luhn and issuer prefix), phone, IP address.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

LIMIT = 300  # characters shown to a reviewer
_SCANNED = 1500  # characters read; what lies behind is never shown
_INVISIBLE = dict.fromkeys((0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x00AD))

_WORD = r"[\w+'-]{1,64}"
_LOCAL = rf"(?<![\w.+-]){_WORD}(?:(?:\.|\s(?:point|dot|tiret|underscore)\s){_WORD}){{0,5}}"
_AT = r"\s?(?:@|＠|[(\[{<]\s?(?:at|@|a|arobase|arobas)\s?[)\]}>]|\s(?:arobase|arobas)\s)\s?"
_LABEL = r"[\w-]{1,63}"
_DOT = r"(?:\.|\s\.\s?|\s?[(\[{](?:dot|point|\.)[)\]}]\s?|\s(?:dot|point)\s)"
_DOMAIN = rf"{_LABEL}(?:{_DOT}{_LABEL}){{0,3}}{_DOT}[a-zA-Z]{{2,12}}"
_EMAIL = re.compile(rf"{_LOCAL}{_AT}{_DOMAIN}(?!\w)", re.IGNORECASE)
# "at" written as a plain word is an address only before a spelled dot or a well-known mail host.
_HOSTS = "gmail|googlemail|yahoo|hotmail|outlook|live|icloud|proton|orange|wanadoo|free|sfr|laposte|gmx"
_SPOKEN = re.compile(
    rf"{_LOCAL}\sat\s(?:(?:{_HOSTS}){_DOT}[a-z]{{2,5}}|{_LABEL}(?:\.{_LABEL}){{0,2}}\s(?:dot|point)\s[a-z]{{2,5}})(?!\w)",
    re.IGNORECASE,
)
_MAYBE_EMAIL = re.compile(r"@|＠|arobas|[(\[{<]\s?at\s?[)\]}>]|\sat\s", re.IGNORECASE)
_URL = re.compile(
    r"(?:\b(?:https?|ftp)://|\bwww\.)[^\s<>\"»]+|\b(?:[a-z0-9-]{1,63}\.){1,4}[a-z]{2,6}/[^\s<>\"»]+",
    re.IGNORECASE,
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ \u00a0\u202f.-]?[A-Za-z0-9]){11,30}")
_IBAN_LENGTH = {
    "AD": 24, "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20,
    "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IS": 26, "IT": 27,
    "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25,
    "RO": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TN": 24, "MA": 28,
}  # fmt: skip
_S = r"[\s.-]?"
_NIR = re.compile(
    rf"(?<![\w.])([1278]){_S}(\d{{2}}){_S}(\d{{2}}){_S}(\d{{2}}|2[AaBb]){_S}(\d{{3}}){_S}(\d{{3}})(?:{_S}(\d{{2}}))?(?!\w)"
)
_NIR_SAID = re.compile(r"s[ée]cu|\bnir\b|social security", re.IGNORECASE)
_CARD = re.compile(r"(?<![\w.,])\d(?:[ \u00a0\u202f-]?\d){13,18}(?![\w])")
_ISSUER = re.compile(r"4|5[0-9]|6[0-9]|35|222[1-9]|22[3-9]|2[3-6]|27[01]|2720|3[47]|30[0-5]|3[689]")
_FRENCH_PHONE = re.compile(
    r"(?<![\w.,+/-])(?:(?:\+|00)33[\s.-]?(?:\(0\)[\s.-]?)?[1-9]|0[1-9])([\s.\-/]{0,2})\d{2}(?:\1\d{2}){3}(?!\d|[.,-]\d|\w)"
)
_MAYBE_PHONE = re.compile(r"(?:\+|\(?0)(?:[\s().\-/]{0,3}\d){8,14}")
_DATE = re.compile(r"\d{1,2}[-./]\d{1,2}[-./](?:19|20)\d\d(?!\d)")
_REFERENCE = re.compile(
    r"(?:commandes?|orders?|factures?|invoice|tickets?|dossier|r[ée]f(?:[ée]rence)?|reference|colis|parcel|suivi|"
    r"tracking|siret|siren|article|contrat|contract|client)\W{0,3}(?:n[°ºo]|num[ée]ro|number|no|id|#)?\W{0,3}$",
    re.IGNORECASE,
)
_IPV4 = re.compile(r"(?<![\w.])(?<![vV])(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\d)")
_VERSION = re.compile(r"(?:version|release|firmware|v\.?)\s?$", re.IGNORECASE)
_IPV6 = re.compile(r"(?<![\w:])[0-9a-fA-F]{0,4}:[0-9a-fA-F:]{4,40}(?![\w:])")


def redact(text: str, *, limit: int = LIMIT) -> str:
    """Replace contact details and identifiers in `text` by marks, then cut to `limit` characters.

    Parameters
    ----------
    text : str
        One comment, in French or English. Only its first 1,500 characters are read.
    limit : int
        Longest text returned; a cut ends with an ellipsis and never inside a mark.

    Returns
    -------
    str
        With `[e-mail]`, `[URL]`, `[IBAN]`, `[NIR]`, `[card]`, `[phone]`, `[IP]` in place.

    Examples
    --------
    >>> redact("Rappelez-moi au 06 39 98 12 34, commande 2026-00123 du 31/12/2025, 12,50 €.")
    'Rappelez-moi au [phone], commande 2026-00123 du 31/12/2025, 12,50 €.'
    >>> redact("marie point durand(at)example.fr")
    '[e-mail]'
    """
    head = text[:_SCANNED].translate(_INVISIBLE)
    for rule in (_emails, _urls, _numbers, _ips):
        head = rule(head)
    if len(text) > _SCANNED:
        head = head[: max(0, len(head) - 100)] + "…"  # an identifier cut at the border goes with it
    return _cut(head, limit)


def _emails(text: str) -> str:
    if not _MAYBE_EMAIL.search(text):
        return text
    return _SPOKEN.sub("[e-mail]", _EMAIL.sub("[e-mail]", text))


def _urls(text: str) -> str:
    if "/" not in text and "www." not in text.lower():
        return text

    def mark(found: re.Match[str]) -> str:
        url = found[0].rstrip(".,;:!?)]}'…")
        return "[URL]" + found[0][len(url) :]

    return _URL.sub(mark, text)


def _numbers(text: str) -> str:
    """IBAN, NIR, card and phone: all need nine digits or more."""
    if sum(map(str.isdigit, text)) < 8:
        return text
    text = _IBAN.sub(_iban, text)
    text = _NIR.sub(_nir, text)
    text = _CARD.sub(_card, text)
    text = _FRENCH_PHONE.sub(_unless_reference("[phone]"), text)
    return _other_phones(text) if _MAYBE_PHONE.search(text) else text


def _iban(found: re.Match[str]) -> str:
    """Mark an IBAN of the right length for its country whose remainder is 1; words behind it stay."""
    length = _IBAN_LENGTH.get(found[0][:2].upper(), 0)
    spots = [spot for spot, letter in enumerate(found[0]) if letter.isalnum()][:length]
    end = spots[-1] + 1 if spots else 0
    # A letter glued to the end means that the number does not stop there.
    if not length or len(spots) < length or found[0][end : end + 1].isalnum():
        return found[0]
    kept = "".join(found[0][spot] for spot in spots)
    digits = "".join(str(int(letter, 36)) for letter in kept[4:] + kept[:4])
    return "[IBAN]" + found[0][end:] if int(digits) % 97 == 1 else found[0]


def _nir(found: re.Match[str]) -> str:
    """Mark a social security number with a right key; without a key it must be announced or grouped."""
    body = "".join(found.groups(default="")[:6]).upper()
    number = int(body.replace("2A", "19", 1).replace("2B", "18", 1) if body[5:7] in ("2A", "2B") else body)
    if found[7]:
        return "[NIR]" if 97 - number % 97 == int(found[7]) else found[0]
    announced = _NIR_SAID.search(found.string[max(0, found.start() - 40) : found.start()])
    grouped = re.fullmatch(r"\d[\s.-]\d\d[\s.-]\d\d[\s.-]..[\s.-]\d{3}[\s.-]\d{3}", found[0])
    month = int(found[3])
    return "[NIR]" if (announced or grouped) and (1 <= month <= 12 or 20 <= month <= 42) else found[0]


def _card(found: re.Match[str]) -> str:
    """Mark a payment card: Luhn, issuer prefix, and not the 14 digits of a SIRET."""
    digits = re.sub(r"\D", "", found[0])
    if len(digits) == 14 and not re.fullmatch(r"\d{4}\D\d{6}\D\d{4}", found[0]):
        return found[0]
    doubled = [int(d) for d in digits[-2::-2]]
    luhn = sum(int(d) for d in digits[-1::-2]) + sum(2 * d - 9 * (d > 4) for d in doubled)
    return "[card]" if luhn % 10 == 0 and _ISSUER.match(digits) else found[0]


def _unless_reference(mark: str) -> Callable[[re.Match[str]], str]:
    """Digits in one block behind "commande n°" and the like are an order number, not a phone."""

    def replace(found: re.Match[str]) -> str:
        block = found[0].isdigit()
        before = found.string[max(0, found.start() - 30) : found.start()]
        return found[0] if block and _REFERENCE.search(before) else mark

    return replace


def _other_phones(text: str) -> str:
    """Numbers of other countries and unusual groupings, by libphonenumber's matcher."""
    import phonenumbers

    found: dict[int, int] = {}
    for region in ("FR", "GB"):
        for match in phonenumbers.PhoneNumberMatcher(text, region, leniency=phonenumbers.Leniency.POSSIBLE):
            found[match.start] = max(match.end, found.get(match.start, 0))
    keep = _unless_reference("[phone]")
    for start in sorted(found, reverse=True):
        piece = re.compile(re.escape(text[start : found[start]])).match(text, start)
        if piece and _looks_dialled(piece[0]):
            text = text[:start] + keep(piece) + text[found[start] :]
    return text


def _looks_dialled(number: str) -> bool:
    """Whether it starts as phone numbers do, with enough digits; the matcher also offers dates and ids."""
    if _DATE.match(number):
        return False
    digits = sum(map(str.isdigit, number))
    return number.lstrip("(").startswith(("+", "0")) and 9 <= digits <= 15


def _ips(text: str) -> str:
    def four(found: re.Match[str]) -> str:
        version = _VERSION.search(found.string[max(0, found.start() - 12) : found.start()])
        return "[IP]" if not version and _is_ip(found[0]) else found[0]

    if text.count(".") >= 3:
        text = _IPV4.sub(four, text)
    if text.count(":") >= 2:
        text = _IPV6.sub(lambda found: "[IP]" if _is_ip(found[0]) else found[0], text)
    return text


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    opened = head.rfind("[")
    if opened > head.rfind("]") and len(head) - opened < 10:
        head = head[:opened]
    return head.rstrip() + "…"
