# Photo packs: a person in every picture of a style.

packs =
    📸 <b>Photo packs</b>
    One person, many pictures: send a few photos, choose a style, and get a whole series. The pictures come as albums, five at a time.

    Which one shall it be?
packs-none = 📸 There are no photo packs right now. Please look in again later.
button-pack = { $title } · { $shots } 📸 · { $price } 💎
button-packs = 📸 All packs
button-people =
    { $count ->
        [one] 👤 My person
       *[other] 👤 My people · { $count }
    }
pack-person =
    📸 <b>{ $title }</b> · { $shots } photos · { $price } 💎

    Whom shall it show? Send 1 to { $most } photos of <b>one person</b>, best as one album: the face clearly seen, from several sides, nobody else in the picture. A caption is added to every shot.
pack-person-full =
    📸 <b>{ $title }</b> · { $shots } photos · { $price } 💎

    Whom shall it show? There is no room for another person: choose one of these, or delete one under “My people”.
button-person =
    { $photos ->
        [one] 👤 { $name } · { $photos } photo
       *[other] 👤 { $name } · { $photos } photos
    }
card-pack =
    📸 Pack: <b>{ $model }</b>
    👤 Person: <b>{ $avatar }</b> · { $photos ->
        [one] { $photos } photo
       *[other] { $photos } photos
    }
    📐 Shape: <b>{ $ratio }</b>
    🖼 Photos: <b>{ $count }</b>

    Price: <b>{ $price } 💎</b> · you have { $balance } 💎
    <i>What a photo costs comes back if it does not come out.</i>
card-pack-used = <i>The first { $used } of the { $photos } photos are used.</i>
card-pack-more = 📷 More photos of this person? Just send them. Something else: /cancel
pack-person-gone = 👤 This person has been deleted, and the photo with them. /pack begins anew.
people-title = 👤 <b>My people</b>
people-empty = 👤 There is nobody here. Choose a pack and send photos: the person stays for the next ones.
people-hint = Their photos are kept until you delete them.
person =
    { $photos ->
        [one] • <b>{ $name }</b>: { $photos } photo
       *[other] • <b>{ $name }</b>: { $photos } photos
    }
button-person-delete = 🗑 { $name }
person-delete = Delete <b>{ $name }</b> and all photos of them? What was made of them stays.
toast-cancelling-pack = Stopping: no further photos. What is ready is yours, the rest is returned.
cancel-asked-pack = 🛑 Stopping: no further photos are begun. What is ready comes to you, and the rest is returned.
command-pack = A photo pack of one person

progress-pack = 📸 <b>{ $made }</b> of { $total } photos are ready
pack-album = 📸 <b>{ $model }</b> · { $made } of { $total }
pack-receipt =
    { $made ->
        [one] 📸 <b>{ $model }</b>: { $made } photo of { $total } is ready
       *[other] 📸 <b>{ $model }</b>: { $made } photos of { $total } are ready
    }
pack-receipt-missing =
    { $missing ->
        [one] { $missing } photo was not made. For it, { $returned } 💎 came back to you.
       *[other] { $missing } photos were not made. For them, { $returned } 💎 came back to you.
    }
