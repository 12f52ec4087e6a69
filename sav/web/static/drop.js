// A file may be dropped anywhere on the page, and takes the place of the one before it.
const hasFile = (event) => event.dataTransfer?.types.includes('Files');
let dropped = null;

// Gradio's part takes a file only while it has none, so the one that it has is cleared first.
function handIn() {
  const place = document.querySelector('#sav-file'), input = place.querySelector('input[type=file]');
  if (!input) {
    cleared.observe(place, { childList: true, subtree: true });
    place.querySelector('.icon-button-wrapper button')?.click();
    return;
  }
  cleared.disconnect();
  const files = new DataTransfer();
  files.items.add(dropped);
  input.files = files.files;
  input.dispatchEvent(new Event('change', { bubbles: true }));
}
const cleared = new MutationObserver(handIn);

document.addEventListener('dragover', (event) => { if (hasFile(event)) event.preventDefault(); });
document.addEventListener('drop', (event) => {
  if (!hasFile(event)) return;
  event.preventDefault();
  event.stopPropagation();
  if (!event.dataTransfer.files.length) return;  // a picture of a page, say
  [dropped] = event.dataTransfer.files;
  handIn();
}, true);
