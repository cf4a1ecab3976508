"""The page in a real Chromium, beside the node: draw, follow, lose, find again, reject, reset."""

from helpers.browser import Browser, CHROMIUM
from helpers.ros import path, Rig, scene, SIZE, stamp
import pytest

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason='no Chromium; apt install chromium')
SEEN = 'document.body.dataset.sight == "SEEN"'
LOST = 'document.body.dataset.sight != "SEEN" && document.body.dataset.mode == "GLOBAL"'


class Session:
    """A browser at a rig's page, and frames for it."""

    def __init__(self, rig, browser):
        """Open the page."""
        self.rig, self.browser, self.i = rig, browser, 0
        rig.until(lambda: rig.node.state == 'active', 'active')
        browser.visit(rig.node.parts.page._address)
        browser.until('typeof state == "object" && state')

    def send(self, target=True):
        """Send the next frame; return its number."""
        self.i += 1
        self.rig.send(self.i, scene(*path(self.i)) if target else scene())
        return self.i

    def until(self, script, target=True):
        """Send frames until the page is as expected."""
        self.browser.until(script, lambda: self.send(target))

    def draw(self):
        """Draw a box around the target, while frames go on coming; return the frame's number."""
        browser, i = self.browser, self.send()
        browser.until(f'shown && shown.header.stamp == "{stamp(i)}"')
        left, top, scale = browser.run(
            '(r => [r.left, r.top, r.width / canvas.width])(canvas.getBoundingClientRect())')
        x, y = path(i)
        browser.press(left + scale * x, top + scale * y)
        browser.move(left + scale * (x + 10), top + scale * (y + 10))
        browser.until('held && drag')
        for _ in range(4):
            self.send()
        assert browser.run('shown.header.stamp') == str(stamp(i))
        browser.let_go(left + scale * (x + SIZE[0]), top + scale * (y + SIZE[1]))
        return i

    def followed(self, i):
        """Wait until a target was begun on in frame ``i``; check its box, and that of now."""
        self.until(SEEN)
        self.rig.until(lambda: stamp(i) in self.rig.boxes(), f'began on frame {i}')
        box = self.rig.boxes()[stamp(i)]
        assert (box.x, box.y, box.w, box.h) == pytest.approx((*path(i), *SIZE), abs=1.5)
        detection, status = self.rig.process(self.send())
        assert status.visible and detection.results


@pytest.mark.parametrize('touch', [False, True])
def test_draw_follow_lose_find_again_reject_reset(touch):
    size = (390, 780) if touch else (1000, 640)
    with Rig(ui=True, ui_port=0, redetector='none') as rig, Browser(*size, touch=touch) as browser:
        session = Session(rig, browser)
        i = session.draw()
        session.followed(i)
        assert browser.run('document.documentElement.scrollWidth <= innerWidth')
        if touch:
            return
        browser.click('#attention')
        session.until(LOST + ' && shown.glow', False)
        session.until(SEEN)
        assert browser.run('points.some(p => p[2] == 2) && points.some(p => p[3] == 1)')
        session.until(SEEN)
        before = browser.run('points.at(-1)[0]')
        browser.click('#reject')
        session.until('said.textContent.endsWith("searching on")')
        session.until(f'points.some(p => p[0] > {before} && p[2] == 2)')
        browser.click('#reset')
        session.until('said.textContent.startsWith("forgot target-")')
        session.until('mode.textContent == "no target" && $("reset").disabled')
        assert not rig.node.stream.worker.taken
        browser.run("""(i => { i.value = 0.8; i.dispatchEvent(new Event('change')); })(
            document.querySelector('#beta1'))""")
        session.until('said.textContent == "beta1 is 0.8"')
        assert rig.node.get_parameter('beta1').value == 0.8
        i = session.draw()
        session.followed(i)


def test_a_token_is_asked_for():
    with Rig(ui=True, ui_host='0.0.0.0', ui_port=0) as rig, Browser() as browser:
        rig.until(lambda: rig.node.state == 'active', 'active')
        address, _, token = rig.node.parts.page._address.partition('#')
        port = address.split(':')[2]
        browser.visit(f'http://127.0.0.1:{port}')
        browser.until('typeof $ == "function" && !document.querySelector("#door").hidden')
        rig.send(0)
        assert browser.run('shown') is None
        browser.click('#token')
        browser('Input.insertText', text=token)
        browser.click('#door button')
        browser.until('shown && shown.image && document.querySelector("#door").hidden')
        assert browser.run('location.hash.slice(1)') == token
