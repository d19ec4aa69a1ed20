"""Texts that try to run code, load something or break out of where they are put.

Each would set the page's title, open a dialog or send a request if it had its way.
"""

from __future__ import annotations

_DO = "document.title='taken'"
_OUT = "http://127.0.0.1:9/out"

PAYLOADS: dict[str, str] = {
    "script": f"<script>{_DO}</script>",
    "script, upper case": f"<SCRIPT>{_DO}</SCRIPT>",
    "script from elsewhere": f"<script src={_OUT}.js></script>",
    "script after a closed attribute": f'"><script>{_DO}</script>',
    "script after a closed title": f"</title><script>{_DO}</script>",
    "script after a closed style": f"</style><script>{_DO}</script>",
    "script after a closed script": f"</script><script>{_DO}</script>",
    "script after a closed textarea": f"</textarea><script>{_DO}</script>",
    "script after a comment": f"--><script>{_DO}</script>",
    "open comment": f"<!--<img src=x onerror={_DO}>",
    "broken tag": f"<<script>{_DO}//<</script>",
    "module": f"<script type=module>{_DO}</script>",
    "image that fails": f"<img src=x onerror={_DO}>",
    "image that fails, in quotes": f"'\"><img src=\"x\" onerror=\"{_DO}\">",
    "image from elsewhere": f"<img src={_OUT}.png>",
    "image set from elsewhere": f'<img srcset="{_OUT}.png 1x" src="">',
    "image as SVG data": f"<img src=\"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='{_DO}'/>\">",
    "SVG with a handler": f"<svg onload={_DO}></svg>",
    "SVG with a script": f"<svg><script>{_DO}</script></svg>",
    "SVG with a foreign object": f"<svg><foreignObject><img src=x onerror={_DO}></foreignObject></svg>",
    "SVG with a link": f'<svg><a xlink:href="javascript:{_DO}"><text y="20">x</text></a></svg>',
    "SVG that animates a link": (
        f'<svg><a><animate attributeName=href values="javascript:{_DO}"/>'
        f'<text>x</text></a></svg>'
    ),
    "SVG image from elsewhere": f'<svg><image href="{_OUT}.png"/><use href="{_OUT}.svg#a"/></svg>',
    "SVG style from elsewhere": f'<svg><style>@import "{_OUT}.css"; *{{fill:url({_OUT}.png)}}</style><rect/></svg>',
    "SVG fill from elsewhere": f'<svg viewBox="0 0 9 9"><rect width="9" height="9" fill="url({_OUT}#a)"/></svg>',
    "SVG cursor from elsewhere": (
        f'<svg><rect style="cursor:url({_OUT}.cur);filter:url({_OUT}#f)" width="9" height="9"/>'
        f'</svg>'
    ),
    "SVG set": (
        f'<svg><set attributeName="onmouseover" to="{_DO}"/>'
        f'<rect width="9" height="9" onclick="{_DO}"/></svg>'
    ),
    "MathML and style, moved by the parser": (
        f'<math><mtext><table><mglyph>'
        f'<style><!--</style><img title="--&gt;&lt;img src=1 onerror={_DO}&gt;">'
    ),
    "SVG and style, moved by the parser": f'<svg></p><style><a id="</style><img src=1 onerror={_DO}>">',
    "noscript, moved by the parser": f'<noscript><p title="</noscript><img src=x onerror={_DO}>">',
    "table, moved by the parser": f"<table><img src=x onerror={_DO}><tr><td>x",
    "javascript link": f'<a href="javascript:{_DO}">x</a>',
    "javascript link, Markdown": f"[x](javascript:{_DO.replace(chr(39), '%27')})",
    "javascript link, digits": "[x](javascript:1)",
    "javascript link, angle brackets": f"<javascript:{_DO}>",
    "javascript link, entities": f'<a href="&#106;ava&#115;cript:{_DO}">x</a>',
    "javascript link, tab inside": f'<a href="java\tscript:{_DO}">x</a>',
    "data page link": '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    "data page link, Markdown": "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "image, Markdown": f"![x]({_OUT}.png)",
    "image with a handler, Markdown": f'![x" onerror="{_DO}](x)',
    "vbscript link": "<a href='vbscript:msgbox(1)'>x</a>",
    "frame": f'<iframe src="javascript:parent.{_DO}"></iframe>',
    "frame with a page": f'<iframe srcdoc="<script>parent.{_DO}</script>"></iframe>',
    "object": f'<object data="javascript:{_DO}"></object><embed src="{_OUT}">',
    "style from elsewhere": f"<style>@import url({_OUT}.css);body{{background:url({_OUT}.png)}}</style>",
    "style attribute": f'<p style="background:url({_OUT}.png);position:fixed;inset:0">x</p>',
    "style sheet link": f"<link rel=stylesheet href={_OUT}.css>",
    "base": "<base href=http://127.0.0.1:9/>",
    "refresh": '<meta http-equiv=refresh content="0;url=data:text/html,taken">',
    "focus": f"<input autofocus onfocus={_DO}>",
    "form": f"<form action={_OUT}><button autofocus onfocus={_DO}>x</button></form>",
    "fold that opens": f"<details open ontoggle={_DO}><summary>x</summary></details>",
    "video": f"<video src={_OUT}.mp4 onerror={_DO}></video><audio src={_OUT}.mp3>",
    "template expression": "{{ 7*7 }}{% include '/etc/passwd' %}{{ self.__init__.__globals__ }}",
    "format field": "{0.__class__} {n} %s ${document.title}",
    "name of a document property": '<img name="getElementById"><p id="title">x</p>',
    "text direction": "\u202egnp.exe\u2066\u2069",
    "null and controls": f"a\x00b<scr\x00ipt>{_DO}</script>\x1b]8;;http://127.0.0.1:9\x07x",
}  # fmt: skip
