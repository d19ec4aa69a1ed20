"use strict";
// Marks the section being read in the table of contents, and opens the fold that a link points into.
const links = new Map([...document.querySelectorAll(".cj-toc a")].map(a => [decodeURIComponent(a.hash.slice(1)), a]));
const heads = [...links.keys()].map(id => document.getElementById(id)).filter(Boolean);
const mark = () => {
  const passed = heads.filter(head => head.getBoundingClientRect().top < 140);
  const now = passed.at(-1) || heads[0];
  links.forEach((a, id) => now && id === now.id ? a.setAttribute("aria-current", "true") : a.removeAttribute("aria-current"));
};
const reveal = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const fold = target && target.closest("details");
  if (fold) { fold.open = true; target.scrollIntoView(); }
};
addEventListener("scroll", mark, { passive: true });
addEventListener("hashchange", reveal);
const contents = document.querySelector(".cj-toc details");
if (contents && matchMedia("(max-width: 64rem)").matches) contents.open = false;
mark();
reveal();
