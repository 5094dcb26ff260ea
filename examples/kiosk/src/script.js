(() => {
  const body = document.body, data = body.dataset, time = document.querySelector('time');
  const end = performance.now() + data.left * 1000;
  const count = () => {
    const rest = Math.max(0, Math.ceil((end - performance.now()) / 1000));
    time.textContent = Math.floor(rest / 60) + ':' + String(rest % 60).padStart(2, '0');
  };
  if (time && data.left) setInterval(count, 250);
  // What was on the screen may be somebody's: it goes when nobody can say whether it still holds.
  const blank = () => {
    for (const page of document.querySelectorAll('header,main')) page.remove();
    document.getElementById('lost').hidden = false;
  };
  let left = false; // for another page: this one is in nobody's way
  for (const kind of ['submit', 'pagehide']) addEventListener(kind, () => { left = true; });
  const watch = async () => {
    while (!left) {
      try {
        const answer = await fetch('state?seen=' + data.version, { cache: 'no-store' });
        const same = answer.ok && await answer.text() === data.version;
        if (!same && !left) return location.replace('./');
      } catch {
        if (left) return;
        blank();
        data.version = '';
        await new Promise(done => setTimeout(done, 1000));
      }
    }
  };
  watch();
  addEventListener('pageshow', event => event.persisted && location.replace('./'));
  let touched = 0;
  const touch = () => {
    if (!data.page || performance.now() - touched < 3000) return;
    touched = performance.now();
    fetch('press', { method: 'POST', body: new URLSearchParams({ page: data.page, button: 'stay' }) }).catch(() => {});
  };
  for (const kind of ['pointerdown', 'keydown']) addEventListener(kind, touch);
})();
