"""A bot that sells for Stars, as the tests of the sandbox need it: answers pre-checkouts and hears of payments."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from aiogram.types import LabeledPrice
from aiohttp import web

from tests.sandbox.rig import BotServer, Json, Sandbox, eventually

MONTH_SECONDS = 2_592_000


@dataclass
class Till:
    """Says yes to every pre-checkout, or no with `refusal`; `hold` keeps it from answering."""

    sandbox: Sandbox
    server: BotServer
    refusal: str | None = None
    hold: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, update: Json) -> web.Response:
        query = update.get("pre_checkout_query")
        if query is None:
            return web.Response()
        await self.hold.wait()
        call: Json = {"method": "answerPreCheckoutQuery", "pre_checkout_query_id": query["id"]}
        call |= {"ok": True} if self.refusal is None else {"ok": False, "error_message": self.refusal}
        return web.json_response(call)

    async def link(self, payload: str = "order-1", stars: int = 100, *, monthly: bool = False) -> str:
        return await self.sandbox.bot.create_invoice_link(
            title="Starter",
            description="100 credits",
            payload=payload,
            currency="XTR",
            prices=[LabeledPrice(label="Starter", amount=stars)],
            subscription_period=MONTH_SECONDS if monthly else None,
        )

    async def send(self, user_id: int, payload: str = "order-1", stars: int = 100) -> int:
        """Send an invoice message; answers its id."""
        sent = await self.sandbox.bot.send_invoice(
            user_id,
            title="Starter",
            description="100 credits",
            payload=payload,
            currency="XTR",
            prices=[LabeledPrice(label="Starter", amount=stars)],
        )
        return sent.message_id

    async def pay(self, user_id: int, **body: Any) -> Json:
        answer = await self.sandbox.control.post(f"/users/{user_id}/pay", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def wallet(self, user_id: int) -> Json:
        answer = await self.sandbox.control.get(f"/users/{user_id}/wallet")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def advance(self, seconds: float) -> list[Json]:
        """Move the clock; answers the renewals."""
        answer = await self.sandbox.control.post("/clock", json={"advance_seconds": seconds})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["renewals"])

    async def transactions(self, **page: Any) -> list[Json]:
        answer = await self.sandbox.call("getStarTransactions", **page)
        return list(answer.json()["result"]["transactions"])

    def told(self, kind: str) -> list[Json]:
        """What the bot was told of this kind: a kind of update, or of service message."""
        updates = [one.update for one in self.server.received]
        direct = [update[kind] for update in updates if kind in update]
        return direct or [
            update["message"][kind] for update in updates if "message" in update and kind in update["message"]
        ]

    async def wait_told(self, kind: str, count: int = 1) -> list[Json]:
        """What the bot was told of this kind, once it is this much."""
        await eventually(lambda: len(self.told(kind)) >= count)
        return self.told(kind)


async def open_till(sandbox: Sandbox, server: BotServer) -> Till:
    """Set the webhook to a bot that says yes."""
    till = Till(sandbox, server)
    till.hold.set()
    server.script = till.answer
    await sandbox.bot.set_webhook(server.url, drop_pending_updates=True)
    return till
