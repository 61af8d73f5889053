# Alerts for the operator: what happened, and what to do. The details follow below each of them.

alert = 🚨 <b>{ $cause }</b>
alert-ledger-breach =
    A balance and its ledger disagree.
    <b>What to do:</b> run <code>starbrush reconcile --full</code> at once and find the entries of this user.
alert-provider-out-of-money =
    A provider refuses our key or has no money left; its route is paused.
    <b>What to do:</b> top up the account or renew the key. The route opens again by itself.
alert-model-gone =
    A provider no longer has this model; its route is paused.
    <b>What to do:</b> enter the provider’s new model id in the catalogue, or switch the route off.
alert-breaker-open =
    A provider fails again and again; its route is left alone and tried again twice a minute. Other routes take over.
    <b>What to do:</b> look at the provider’s status page. If it has no other route, its models cannot be ordered meanwhile.
alert-breaker-closed =
    A provider answers again; its route is open.
    <b>What to do:</b> nothing.
alert-generation-fault =
    Our own code failed while working on a generation. It is tried again, then the credits go back by themselves.
    <b>What to do:</b> find the error in the log by the generation’s id and mend it.
alert-outcome-unknown =
    A provider may have taken a task whose fate we could not learn. The user’s credits were returned.
    <b>What to do:</b> look for the reference in the provider’s list of tasks; claim the cost back if it was charged.
alert-catalogue-invalid =
    A row of the catalogue cannot be read; its model, style or route is not sold meanwhile. Everything else goes on.
    <b>What to do:</b> mend the field that is named below; within seconds the row is back.
alert-queue-old =
    Accepted work has been waiting for too long.
    <b>What to do:</b> see whether workers run (<code>/api/health</code>) and whether a provider is slow; start one more <code>starbrush worker</code>.
alert-dead-delivery =
    A message could not be delivered and is a dead letter now.
    <b>What to do:</b> read the error and mend its cause. It is owed again as soon as the user writes to the bot.
alert-update-failed =
    An update from Telegram could not be handled. It is kept in the inbox; the user got an apology.
    <b>What to do:</b> find the error with <code>starbrush inbox list</code> and mend it, then <code>starbrush inbox replay ID</code>; the user was asked to try again.
alert-worker-down =
    The queue’s reader has stopped; the sweep carries the work meanwhile.
    <b>What to do:</b> see whether Redis answers, then read this process’s log.
alert-vendor-unreachable =
    A provider cannot be asked about tasks that it has taken. They stay parked, nothing is lost.
    <b>What to do:</b> look at the provider’s status page. After 24 hours the users’ credits are returned.
alert-media-unavailable =
    A finished result cannot be prepared for storing: the process that does it dies, is too slow or does not start. The result is kept and tried again by itself.
    <b>What to do:</b> see whether the machine has memory and free disk space, and look for <code>media_worker</code> in the worker’s log. If it is only ever this generation, its file crashes the decoder.
alert-paysupport =
    A user asks for help with payments.
    <b>What to do:</b> look at <code>starbrush user show TELEGRAM_ID</code> and answer within two days; Telegram’s own support does not.
alert-payment-unknown =
    Somebody has paid, and the payment fits no order of ours. Nothing was given for it.
    <b>What to do:</b> look at the payer with <code>starbrush user show TELEGRAM_ID</code>, then grant the credits or give the money back with <code>starbrush refund CHARGE_ID</code>.
alert-refund-failed =
    A vendor refuses a refund; what was taken back for it has been given back to the user.
    <b>What to do:</b> read the reason, mend it and try once more with <code>starbrush refund CHARGE_ID</code>.
alert-refund-waiting =
    A refund is still open after several tries; it goes on by itself.
    <b>What to do:</b> look whether the vendor answers at all.
alert-event-failing =
    A money event is stored, and handling it fails again and again. It goes on by itself.
    <b>What to do:</b> find the error in the log by the event’s number and mend it.
alert-payments-missing =
    The comparison with Telegram’s own list has found what no update had told us, and has entered it.
    <b>What to do:</b> nothing for the users. If it happens often, see whether the webhook is reachable.
