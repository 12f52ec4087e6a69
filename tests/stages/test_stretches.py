"""A video done in stretches, wherever each is done, is the video done in one go."""

import pickle
from collections import deque

import pytest

from sav.errors import DeviceMemoryError, VideoDamagedError
from sav.stages.scenes import Cutter
from sav.stages.stream import stream
from sav.stages.stretches import StretchModels, Wanted, stream_in_stretches, stretch_length
from sav.trackers import make_tracker
from tests.stages.test_stream import COUNT, MovingDetector, frames
from tests.stubs import SIZE_HW, StubSam

TRACKERS = ["sav", "botsort", "bytetrack"]


class ThisProcess:
    """A crew of one, which works ahead by some stretches; all that would travel is pickled."""

    def __init__(self, models, batch, ahead=2):
        self.models, self.batch, self.ahead = models, batch, ahead

    def place(self, some):
        return pickle.dumps(some)

    def detect(self, stretches):
        return self._ordered(stretches, lambda one: self.models.detect(pickle.loads(one.place), self.batch))

    def cut_out(self, stretches):
        def work(stretch):
            wanted = pickle.loads(pickle.dumps([Wanted.of(seen) for seen in stretch.seen]))
            return self.models.cut_out(pickle.loads(stretch.place), wanted, self.batch)

        return self._ordered(stretches, work)

    def _ordered(self, stretches, work):
        waiting = deque()
        for stretch in stretches:
            waiting.append((stretch, _outcome(work, stretch)))
            if len(waiting) == self.ahead:
                yield _handed_out(waiting)
        while waiting:
            yield _handed_out(waiting)


def _outcome(work, stretch):
    try:
        return pickle.loads(pickle.dumps(work(stretch)))
    except Exception as error:
        return error


def _handed_out(waiting):
    stretch, outcome = waiting.popleft()
    if isinstance(outcome, Exception):
        raise outcome
    return stretch, outcome


def crew(batch=2, detector=None, sam=None):
    detector = detector or MovingDetector()
    return ThisProcess(StretchModels(detector, Cutter(sam or StubSam(), detector.categories)), batch)


def in_stretches(workers, items=None, tracker="sav", length=4, known=()):
    categories = workers.models.detector.categories
    items = frames() if items is None else items
    return stream_in_stretches(
        workers, categories, items, make_tracker(tracker, frame_rate=30.0), length, known
    )


def in_one_go(tracker="sav", batch=2):
    detector = MovingDetector()
    cutter = Cutter(StubSam(), detector.categories)
    return list(stream(detector, cutter, frames(), make_tracker(tracker, frame_rate=30.0), batch))


@pytest.mark.parametrize("tracker", TRACKERS)
@pytest.mark.parametrize(("batch", "length"), [(1, 1), (1, 3), (2, 4), (4, 12)])
def test_stretches_make_the_same_scenes_as_one_go(tracker, batch, length):
    scenes = list(in_stretches(crew(batch), tracker=tracker, length=length))
    assert scenes == in_one_go(tracker, batch)
    assert len(scenes) == COUNT
    assert len({track_id for scene in scenes for track_id in scene.track_ids.tolist()}) == 2


def test_models_get_the_batches_of_one_go():
    batches = []

    class NotingSam(StubSam):
        def embed(self, images_bgr):
            batches.append(len(images_bgr))
            return super().embed(images_bgr)

    list(in_stretches(crew(batch=2, sam=NotingSam()), length=4))
    assert batches == [2, 2, 1, 2, 2, 1]  # nothing is in the fifth frame


def test_a_video_without_frames_has_no_scenes():
    assert list(in_stretches(crew(), items=[])) == []


def test_what_an_earlier_run_has_found_is_not_done_again():
    sam = StubSam()
    known = in_one_go()[:4]
    assert list(in_stretches(crew(sam=sam), known=known)) == in_one_go()
    assert sam.embedded == COUNT - len(known) - 1


def test_what_comes_before_a_damaged_end_is_handed_out():
    def damaged():
        yield from frames(7)
        raise VideoDamagedError("ends here")

    scenes = []
    with pytest.raises(VideoDamagedError, match="ends here"):
        scenes.extend(in_stretches(crew(), damaged()))
    assert scenes == in_one_go()[:7]


def test_an_error_of_the_models_comes_in_its_place():
    class Forgetful(MovingDetector):
        def in_frame(self, index):
            if index == 9:
                raise DeviceMemoryError("too large")
            return super().in_frame(index)

    scenes = []
    with pytest.raises(DeviceMemoryError, match="too large"):
        scenes.extend(in_stretches(crew(detector=Forgetful())))
    assert scenes == in_one_go()[:8]


def test_what_is_on_its_way_does_not_grow_with_the_video():
    read = []

    def counted():
        for frame in frames(200):
            read.append(frame.index)
            yield frame

    for scene in in_stretches(crew(), counted(), length=2):
        # two stretches in each of two queues, one ready, one being read, and that of this scene
        assert read[-1] - scene.frame.index <= 2 * (2 + 2 + 1 + 1 + 1)


def test_a_run_that_is_given_up_lets_go_of_its_frames():
    closed = []

    def watched():
        try:
            yield from frames(200)
        finally:
            closed.append(True)

    run = in_stretches(crew(), watched())
    next(run)
    run.close()
    assert closed == [True]


@pytest.mark.parametrize(
    ("size_hw", "batch", "length"),
    [(SIZE_HW, 1, 4), (SIZE_HW, 4, 16), ((1080, 1920), 4, 4), ((1080, 1920), 1, 4), ((4320, 7680), 4, 4)],
)
def test_a_stretch_is_of_whole_batches_and_of_some_megabytes(size_hw, batch, length):
    assert stretch_length(size_hw, batch) == length
