# SPDX-License-Identifier: Apache-2.0
"""What is asked of every page: questions to the browser, and the list of what was wrong."""

# Elements that stick out of the window, for the message.
WIDE = """(() => { const w = document.documentElement.clientWidth; return [...document.querySelectorAll('body *')]
    .filter(e => e.getBoundingClientRect().right > w + 1 && !e.closest('svg.symbols')).slice(0, 4)
    .map(e => e.tagName + '.' + e.getAttribute('class') + ' ' + Math.round(e.getBoundingClientRect().right)); })()"""

# Of each text that is seen: its colour against what lies behind it, as WCAG 2 computes it.
CONTRAST = """(() => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const rgba = (css) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = css; canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data]; };
    const light = (c) => { const v = c.slice(0, 3).map(x => { x /= 255;
        return x <= 0.04045 ? x / 12.92 : Math.pow((x + 0.055) / 1.055, 2.4); });
        return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
    const behind = (e) => { const layers = [];
        for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor);
            if (c[3]) layers.push(c); if (c[3] === 255) break; }
        let under = [255, 255, 255];
        for (const c of layers.reverse()) under = under.map((u, i) => (c[i] * c[3] + u * (255 - c[3])) / 255);
        return under; };
    const bad = new Map();
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let n = 0; walk.nextNode() && n < 4000;) {
        const e = walk.currentNode.parentElement;
        if (!walk.currentNode.data.trim() || e.closest('script,style,.vh,.skip') || !e.checkVisibility()) continue;
        n++;
        const a = light(rgba(getComputedStyle(e).color)), b = light(behind(e));
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) bad.set(e.tagName + '.' + e.className, ratio.toFixed(2) + ' ' + walk.currentNode.data.slice(0, 30));
    }
    return [...bad].slice(0, 6).map(x => x.join(': '));
})()"""

UNIQUE = """(() => { const seen = new Set(), twice = []; for (const e of document.querySelectorAll('[id]')) {
    if (seen.has(e.id)) twice.push(e.id); seen.add(e.id); } return twice.slice(0, 3); })()"""


class Findings:
    def __init__(self):
        self.all = []
        self.n_checks = 0

    def check(self, right, *words):
        self.n_checks += 1
        if not right:
            text = " ".join(str(word) for word in words)
            self.all.append(text)
            print("FAILED", text, flush=True)
