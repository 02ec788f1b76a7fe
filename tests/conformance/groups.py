"""Task groups: CPython's own TaskGroup, and the requests to its parent and its children under the rules of docs/decisions/conformance.md."""

import asyncio


class Group(asyncio.TaskGroup):
    """A group, which is a scope of its task; to CPython it also stands for that task, its parent."""

    shields = False

    def __init__(self, performer):
        super().__init__()
        self.performer = performer
        self.requests = performer.world.requests
        self.outer = len(performer.scopes)  # so many scopes are around it
        self.members = []  # the children, as they were made
        self.failed = False
        self.passed_on = 0
        self.some_cancelled = False

    @property
    def refuses(self):
        return self.failed

    def live(self):
        """The children that have not ended."""
        return [member for member in self.members if not member.task.done()]

    # What CPython calls on the parent.

    def cancel(self):
        """A child has failed: the parent is refused until the end of the group."""
        self.failed = True
        self.requests.reach(self.performer)
        self.passed_on = self.performer.round

    def uncancel(self):
        return 1 if self.performer.is_refused(self.outer) else 0

    def cancelling(self):
        return 0

    def done(self):
        return False

    # What CPython calls on itself.

    def _abort(self):
        self._aborting = True
        self.requests.request(self.live())

    def _on_task_done(self, task):
        """One round of requests for the siblings and the parent."""
        first = self.requests.begin()
        self.some_cancelled = self.some_cancelled or task.cancelled()
        super()._on_task_done(task)
        if first:
            self.requests.deliver_all()

    # As a join.

    def pass_on(self, performer):
        """Its task is refused: the children are cancelled, and no further child begins."""
        self.passed_on = self.requests.round_passed_on(performer)
        self._aborting = True
        self.requests.request(self.live())

    async def wait(self, error):
        """The end of the block, with the error that it is left with: waits for all, whatever happens."""
        performer, rules = self.performer, self.performer.world.rules
        if error is None and performer.refused:
            rules.count("join_passes_refusal_on")
            if self.passed_on != performer.round:
                self.pass_on(performer)
            await asyncio.sleep(0)
        elif error is not None and not self._aborting and self.live():
            self.pass_on(performer)
        if self.live() and performer.refused and self.passed_on != performer.round:
            self.pass_on(performer)
        performer.join = self
        performer.world.loop.ready_tasks.discard(performer.task)
        try:
            await self.__aexit__(type(error) if error else None, error, None)
        finally:
            performer.join = None
            performer.scopes.remove(self)
            performer.refused = performer.is_refused()

    async def outcome(self, error):
        """What comes of the block: its own error, the first failure, a cancellation, or nothing."""
        rules = self.performer.world.rules
        try:
            await self.wait(error)
        except asyncio.CancelledError:
            assert error is not None
        except BaseExceptionGroup as failures:
            if error is None:
                if len(failures.exceptions) > 1:
                    rules.count("group_gives_first_failure")
                raise failures.exceptions[0] from None
        if error is not None:
            rules.count("group_left_gives_own_error")
            raise error
        if self.performer.refused and self.some_cancelled:
            raise asyncio.CancelledError
        if self.performer.refused and self.members:
            rules.count("group_gives_results")
