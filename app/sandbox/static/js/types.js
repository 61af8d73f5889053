/**
 * The shapes of the Bot API and of the control API that the page reads, as JSDoc types. No code.
 *
 * @typedef {object} User
 * @property {number} id
 * @property {string} first_name
 * @property {string} [last_name]
 * @property {string} [username]
 * @property {string} [language_code]
 * @property {boolean} [is_bot]
 * @property {boolean} [blocked] whether this person has blocked the bot
 * @property {boolean} [isGroup] whether it is a group that the bot writes to, the alert chat for example
 *
 * @typedef {object} Bot
 * @property {string} token
 * @property {string} username
 * @property {string | null} webhook_url
 * @property {number | null} alert_chat_id
 * @property {string} now the sandbox's clock, ISO 8601
 *
 * @typedef {object} Entity
 * @property {string} type
 * @property {number} offset in UTF-16 units, as JavaScript counts
 * @property {number} length in UTF-16 units
 * @property {string} [url]
 * @property {string} [language]
 *
 * @typedef {object} FileRef
 * @property {string} file_id
 * @property {string} [file_unique_id]
 * @property {number} [file_size] bytes
 * @property {string} [file_name]
 * @property {string} [mime_type]
 * @property {number} [width]
 * @property {number} [height]
 * @property {number} [duration] seconds
 * @property {FileRef} [thumbnail]
 * @property {string} [localUrl] a blob address while the upload is on its way
 *
 * @typedef {object} Button
 * @property {string} text
 * @property {string} [callback_data]
 * @property {string} [url]
 * @property {{url: string}} [web_app]
 * @property {{text: string}} [copy_text]
 * @property {string} [switch_inline_query_current_chat]
 * @property {boolean} [pay]
 * @property {"danger" | "success" | "primary"} [style]
 *
 * @typedef {object} ReplyMarkup
 * @property {Button[][]} [inline_keyboard]
 * @property {(Button | string)[][]} [keyboard]
 * @property {boolean} [resize_keyboard]
 * @property {boolean} [one_time_keyboard]
 * @property {string} [input_field_placeholder]
 * @property {boolean} [remove_keyboard]
 * @property {boolean} [force_reply]
 *
 * @typedef {object} Message
 * @property {number} message_id
 * @property {number} date seconds since 1970 by the sandbox's clock
 * @property {number} [edit_date]
 * @property {User} from
 * @property {{id: number}} chat
 * @property {string} [text]
 * @property {Entity[]} [entities]
 * @property {string} [caption]
 * @property {Entity[]} [caption_entities]
 * @property {boolean} [show_caption_above_media]
 * @property {boolean} [has_media_spoiler]
 * @property {FileRef[]} [photo] sizes of one picture, smallest first
 * @property {FileRef} [video]
 * @property {FileRef} [animation]
 * @property {FileRef} [document]
 * @property {string} [media_group_id]
 * @property {Message} [reply_to_message]
 * @property {{title: string, description: string, total_amount: number}} [invoice]
 * @property {Payment} [successful_payment]
 * @property {Payment} [refunded_payment]
 * @property {ReplyMarkup} [reply_markup]
 * @property {{type: string, sender_user?: User, sender_user_name?: string}} [forward_origin]
 * @property {Pending} [pending] only on messages of this page that are not stored yet
 *
 * @typedef {object} Payment
 * @property {number} total_amount Stars
 * @property {string} invoice_payload
 * @property {string} telegram_payment_charge_id
 * @property {number} [subscription_expiration_date]
 * @property {boolean} [is_recurring]
 * @property {boolean} [is_first_recurring]
 *
 * @typedef {object} Pending
 * @property {string} key
 * @property {number} after id of the newest message when it was written
 * @property {"sending" | "failed"} state
 * @property {string} [error]
 *
 * @typedef {object} CallbackAnswer
 * @property {string} [text]
 * @property {boolean} [show_alert]
 * @property {string} [url]
 *
 * @typedef {object} Fault
 * @property {string} method
 * @property {string} kind
 * @property {number | null} times how often it will still strike; null: until cleared
 * @property {number} retry_after seconds, for 429
 */
export {};
