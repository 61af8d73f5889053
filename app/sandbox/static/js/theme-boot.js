// Applies the chosen theme before the first paint; a module would run too late and flash.
(() => {
  const stored = localStorage.getItem("playground.theme");
  if (stored === "light" || stored === "dark") document.documentElement.dataset.theme = stored;
})();
