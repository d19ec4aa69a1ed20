"use strict";
// Filter by name, parameter or key figure; "needs attention" leaves the urgent ones.
const words = document.getElementById("filter");
const urgent = document.getElementById("urgent");
const shown = document.getElementById("shown");
const rows = [...document.querySelectorAll(".cj-row")].map(row => [row, row.textContent.toLocaleLowerCase()]);
const apply = () => {
  const asked = words.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const [row, text] of rows) {
    const fits = asked.every(word => text.includes(word)) && (!urgent.checked || row.dataset.urgent === "yes");
    row.hidden = !fits;
    count += fits;
  }
  for (const group of document.querySelectorAll(".cj-group"))
    group.hidden = !group.querySelector(".cj-row:not([hidden])");
  document.getElementById("nothing").hidden = count > 0;
  shown.textContent = shown.dataset.form.replace("#", count);
};
if (words) {
  words.addEventListener("input", apply);
  urgent.addEventListener("change", apply);
  apply();
}
