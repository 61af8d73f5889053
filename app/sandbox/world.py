"""Everything the sandbox is made of, wired once; handlers find it as `request.app.state.world`."""

from starlette.requests import Request

from app.sandbox.callbacks import CallbackQueries
from app.sandbox.clock import SandboxClock
from app.sandbox.config import SandboxConfig
from app.sandbox.dispatcher import Answer, Dispatcher
from app.sandbox.faults import FaultBox
from app.sandbox.files import FileShelf
from app.sandbox.flood import FloodGate
from app.sandbox.history import History
from app.sandbox.live import LiveChats, LiveKind
from app.sandbox.people import People
from app.sandbox.profile import Profile
from app.sandbox.stars.books import StarBooks
from app.sandbox.stars.checkouts import PreCheckouts
from app.sandbox.stars.invoices import Invoices
from app.sandbox.stars.reports import StarReports
from app.sandbox.stars.subscriptions import Subscriptions
from app.sandbox.store import Json, Store
from app.sandbox.tbank.notifier import Notifier
from app.sandbox.tbank.payments import TBankPayments
from app.sandbox.updates import UpdateQueue
from app.sandbox.vendor.inputs import InputShelf
from app.sandbox.vendor.studio import Studio
from app.sandbox.vendor.tasks import VendorTasks


class World:
    """One Telegram with one bot in it, and one vendor of pictures and videos."""

    def __init__(self, config: SandboxConfig, answer_in_webhook: Answer) -> None:
        self.config = config
        home = config.data_dir / "sandbox"
        self.store = Store(home / "sandbox.sqlite")
        self.clock = SandboxClock(self.store, config.database_url)
        self.live = LiveChats()
        self.people = People(self.store, config)
        self.history = History(self.store, self.live)
        self.files = FileShelf(self.store, home / "files")
        self.profile = Profile(self.store)
        self.updates = UpdateQueue(self.store)
        self.dispatcher = Dispatcher(self.store, self.updates, answer_in_webhook)
        self.callbacks = CallbackQueries(self.store)
        self.invoices = Invoices(self.store)
        self.pre_checkouts = PreCheckouts(self.store, config.checkout_seconds)
        self.star_books = StarBooks(self.store)
        self.star_reports = StarReports(self.store)
        self.subscriptions = Subscriptions(self.store)
        self.tbank = TBankPayments(self.store, self.clock, config.tbank_terminals)
        self.tbank_notifier = Notifier(self.store)
        self.faults = FaultBox(self.store)
        self.flood = FloodGate(enabled=config.flood_limits)
        shelf = InputShelf(self.store)
        self.vendor = VendorTasks(self.store, shelf, config.vendor_delay_seconds)
        self.studio = Studio(shelf, small=config.vendor_delay_seconds == 0)

    def tell_bot(self, queue: int, kind: str, content: Json) -> int | None:
        """Queue an update and begin to deliver it; answers its id, None when the bot did not ask for this kind."""
        update_id = self.updates.add(queue, kind, content)
        if update_id is not None:
            self.dispatcher.announce(queue)
        return update_id

    def reset(self) -> None:
        """Forget people, messages, files, updates, faults and the vendor's work; keep token, webhook and clock."""
        self.store.empty()
        self.files.empty()
        self.tbank.clear()
        self.tbank_notifier.clear()
        self.faults.clear()
        self.flood.clear()
        self.people.settle()
        self.live.publish_to_all(LiveKind.RESET, {})

    async def close(self) -> None:
        """Stop delivering and let go of the files."""
        self.live.close()
        await self.dispatcher.stop()
        await self.tbank_notifier.stop()
        self.studio.close()
        self.store.close()


def world_of(request: Request) -> World:
    """The world that this request is made to."""
    world: World = request.app.state.world
    return world
