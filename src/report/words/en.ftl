### The words of a report. Facts come as variables, and are not translated.

## Times, names and figures

weekday-1 = Monday
weekday-2 = Tuesday
weekday-3 = Wednesday
weekday-4 = Thursday
weekday-5 = Friday
weekday-6 = Saturday
weekday-7 = Sunday
month-1 = January
month-2 = February
month-3 = March
month-4 = April
month-5 = May
month-6 = June
month-7 = July
month-8 = August
month-9 = September
month-10 = October
month-11 = November
month-12 = December
date-in-words = { $weekday }, { $day } { $month } { $year }, { $time }
program-unknown = not recognised
program-script = a script
program-notifier = a mail notifier
program-either = { $one } or { $other }
confidence-low = low
confidence-medium = medium
confidence-high = high
unknown = not known
fill-in = ____________________ (please fill in)

## The head

title = Report on the mailbox { $maildrop }
made = Made by popgate { $version } on { $time }.
chosen-entry = About the login of { $time }.
chosen-near = About the login nearest to { $time } that did not end well.
chosen-last-bad = About the last login that did not end well.
chosen-last = No login from { $since } on ended badly: about the last one.
chosen-nearest = No login from { $since } to { $until } ended badly: about the one nearest to { $time }.
nothing-kept = The history has no login of this mailbox from { $since } to { $until }.
nothing-read = The file of the history could not be read, and memory has no login of this mailbox from { $since } to { $until }.

## For the ticket

section-ticket = For the ticket
label-domain = Domain and MX
label-time = Date and time
label-address = Client address
label-program = Mail program
label-server = Server name
label-user = POP3 user
label-port = TCP port
label-encryption = Encryption
label-error = Error message
label-system = Operating system
label-antivirus = Antivirus
label-firewall = Firewall
domain-off = not checked: `resolver` of [report] is "off"
domain-none = not checked: the login has no domain
domain-unanswered = { $domain }: not checked: no DNS server answered
domain-failed = { $domain }: not checked: the DNS server could not tell: { $why }
domain-busy = { $domain }: not checked: too many checks at once
domain-missing = { $domain } does not exist
domain-without-mx = { $domain } exists, and has no mail server
domain-takes-no-mail = { $domain } exists, and says that it takes no mail
domain-exists = { $domain } exists; { $hosts }
mx = MX { $host } { $answer }
mx-implicit = no MX, its own address stands for it: { $host } { $answer }
mx-greeted = answers: { $line }
mx-turned-away = answers, and takes no mail now or from here: { $line }
mx-not-smtp = answers, and not as a mail server: { $line }
mx-closed = closes the connection without a word
mx-silent = accepts the connection and says nothing
mx-no-answer = does not answer
mx-refused = refuses the connection
mx-unreachable = cannot be reached: { $why }
mx-no-address = has no address
mx-address-unknown = has an address that DNS could not tell
mx-not-public = has a private address and was not asked
mx-not-asked = was not asked
program-guess = { $program } (confidence: { $confidence }; version not visible)
server-by-name = { $name } (listener { $listener })
server-not-said = the client did not say it (listener { $listener })
user-hashed = typed in another form, which is kept as a hash: mailbox { $maildrop }
encryption-none = none
error-none = none: the client got no error line
error-earlier = none at its end; earlier in the session: { $line }
name-hidden = (<user> stands for the name where the history keeps names as hashes)
antivirus-suspected = ____________________ (please fill in; sessions from this address beside another one, or just after it: { $count }; this may be a scanner that logs in by itself)

## What else is known

section-known = What else is known
label-happened = What happened
label-recorded = Recorded
label-occupants = Who was in there
label-queue = Queue
label-limits = Limits
label-blocks = Block list
label-backend = Backend
label-backend-words = Its own words
label-backend-state = Its state then
label-day = The day
label-history = History
occupant-none = nobody who came through popgate
occupant = { $who }: from { $from } for { $held }; { $ending }
occupant-open = still in there, silent for { $idle }
occupants-more = and { $count } more
queue-none = the login did not wait
queue-waited = waited { $waited }; sessions ahead of it: { $ahead }
queue-refused = found no free place in the queue
limits-none = none had an effect
limit-delayed = held for { $delay } before it went on
limit-early-delayed = came { $early } before its time and was held
limit-early-refused = came { $early } before its time and was refused
limit-early-shadow = came { $early } before its time; the limit is only being tried out
rule-blocked = refused by the block list
rule-from_memory = refused without asking the backend, which had refused this password again and again
rule-per_address = refused: too many connections from the address
rule-per_maildrop = refused: too many logins to the mailbox
rule-per_tenant = refused: too many logins of the tenant
rule-login_delay = refused: the program checked for mail too often
blocks-none = no entry for this mailbox or this address
block-blocked = number { $id }: { $target }, blocked until { $until }; { $reason }, last at { $last }
block-pinned = number { $id }: { $target }, blocked until it is unpinned; { $reason }, last at { $last }
block-released = number { $id }: { $target }, released; { $reason }, last at { $last }
block-all-mailboxes = all mailboxes
block-reason-guessing = passwords were guessed
block-reason-guessing_many = passwords of many mailboxes were guessed
block-reason-protocol_abuse = the protocol was abused
block-reason-passing_faults = more passing faults in a day than are allowed
backend-none = was not asked
backend-words-none = none: it reported no error
state-down = { $backend } could not be reached from { $since } on
state-up = no outage of { $backend } is known
state-neighbours = other mailboxes on it in the same minutes: { $let_in } let in, { $refused } turned away
notice-started = popgate started
notice-stopped = popgate stopped
notice-backend_up = { $subject } could be reached again
notice-backend_down = { $subject } could not be reached
notice-paused = an operator paused { $subject }
notice-resumed = an operator let { $subject } go on
notice-draining = an operator asked popgate to stop
notice-kicked = an operator ended session { $subject }
notice-reloaded = another configuration came into force
notice-lost = part of the history was lost
day-counts = logins: { $logins }; ended badly: { $bad }; waited for another session: { $waited }; wrong passwords: { $wrong }; without QUIT: { $without_quit }; programs: { $programs }
history-whole = goes back to { $since }
history-cut = more logins than a report reads: only those from { $since } on are counted
history-lost = entries that were lost since popgate started: { $count }
history-unread = its file could not be read, so that older logins may be missing: { $why }

## How a login ended

ended-quit_before_login = the client quit without a login
ended-left_before_login = the client left without a login
ended-login_timeout = the client did not log in in time
ended-too_many_logins = too many failed logins on one connection
ended-too_many_bad_commands = too many bad commands before login
ended-bytes_behind_stls = data came behind STLS before the TLS handshake
ended-no_certificate = popgate has no certificate for this name
ended-tls_handshake = the TLS handshake failed
ended-tls_handshake_timeout = the TLS handshake took too long
ended-no_backend = no backend could be reached
ended-wrong_password = the backend refused the name or the password
ended-login_refused = the backend refused the login
ended-closed_at_pass = the backend closed the connection instead of answering the password
ended-closed_at_pass_of_another = the backend had just closed the connection on the same password
ended-refused_by_rule = a rule of popgate refused the login
ended-queue_full = too many clients were waiting for the mailbox
ended-held_by_another = another session was in the mailbox for the whole wait
ended-locked_elsewhere = the backend said for the whole wait that the mailbox is locked
ended-backend_full = all connections allowed to the backend were in use
ended-paused = an operator had paused the tenant or the backend
ended-backend_unreachable = the backend could not be reached
ended-login_unanswered = the backend gave no usable answer to the login
ended-login_unanswered_in_time = the backend did not answer the login in time
ended-lost_to_capa = the backend ended the connection right after the login
ended-left_waiting = the client left while it waited
ended-quit = ended well, with QUIT
ended-quit_failed = the backend did not remove all deleted messages
ended-closed_at_quit = the backend ended the connection without an answer to QUIT
ended-silent_at_quit = the backend did not answer QUIT
ended-left = the client left without QUIT
ended-left_in_reply = the client left in the middle of a reply, without QUIT
ended-idle_timeout = the client was silent for too long and was disconnected
ended-stalled = the client accepted no data for too long and was disconnected
ended-preempted = the client was silent, and was disconnected because another one waited
ended-backend_closed = the backend ended the connection
ended-backend_closed_in_reply = the backend ended the connection in the middle of a reply
ended-backend_violation = the backend sent something that cannot be followed
ended-kicked = an operator ended it
ended-shutdown = popgate stopped
ended-panicked = an internal error of popgate
ended-no_connection = an internal error of popgate: the connection was missing
ended-lock_broken = an internal error of popgate: the state of the lock was wrong

## Causes

section-causes = Causes, the most likely first
likelihood-high = very likely
likelihood-medium = possible
likelihood-low = noticed, perhaps unrelated
advice = What to do: { $advice }
causes-well = Nothing is wrong: the login ended well, and nothing unusual was seen on that day.
causes-none = None of the usual causes fits; the facts above and the error message say what is known.
title-storage_down = User database or storage of the server down
advice-leave-password = Leave the password as it is; the operator of the server should check its user database and its storage.
title-stale_password = A program has an old password
advice-enter-password = Enter the current password in this program, or switch off mail retrieval there.
title-locked_elsewhere = Mailbox locked by something that does not go through popgate
advice-send-through = Look for a webmail, a fetch job or a program that connects to the server directly, and send it through popgate.
title-phone_without_quit = A phone or program that never says QUIT
advice-fetch-less-often = Set this device to fetch mail less often, or by hand, and update its mail app.
title-scanner_twin = A scanner or checker that logs in beside the mail program
advice-switch-off-scanner = Switch off the mail check of the antivirus or notifier for this account, or have it check at other times.
title-two_programs = Two programs look for mail at the same time
advice-different-intervals = Set longer and different intervals in the two programs, for example 10 and 15 minutes.
advice-another-time = Let one of the two fetch mail at another time: it was in the mailbox for longer than the other one could wait.
title-checking_too_often = A program checks for mail too often
advice-longer-interval = Set the interval of this program to 10 minutes or more.
title-shaky_line = A shaky line
advice-another-network = Try another network, such as a cable instead of Wi-Fi, and fetch large messages there.
title-message_gone = A message was already deleted
advice-fetch-again = Let the program fetch mail again; if the message appears again and again, remove and re-create the account in it.
title-deletions_not_done = Deleted messages were not removed
advice-check-storage = The operator should check disk space, quota and permissions of the mailbox; then let the program delete again.
advice-let-it-quit = The program must end its session with QUIT: let it fetch mail again, and see the other causes.

## Evidence

evidence-wrong-password = One login of { $who } was refused for its password, at { $last }.
evidence-wrong-passwords = { $count } logins of { $who } were refused for their password, the first at { $first }, the last at { $last }.
evidence-right-password = { $who } logged in with the right password at { $at }.
evidence-password-was-right = The server had accepted the same password within the 24 hours before.
evidence-neighbours = Other mailboxes on the server in the same minutes: { $refused } turned away, { $let_in } let in.
evidence-backend-down = The server { $backend } could not be reached from { $since } on.
evidence-backend-said = The server's words at { $at }: { $line }
evidence-ended = Recorded at { $at }: { $sentence }
evidence-locked-replies = Answers of the server that the mailbox is locked: { $count }, the last by { $last }.
evidence-held = { $who } was in the mailbox from { $from } for { $held }.
evidence-silent = { $who } sent nothing for { $idle }, and no QUIT.
evidence-never-quits = Sessions of { $who } on that day, all without QUIT: { $sessions }.
evidence-preempted = { $who } was disconnected at { $at } because another program waited.
evidence-twins = Sessions from { $address } while another one of the same address was in the mailbox, or just after it: { $count }, the last at { $last }.
evidence-contended = Logins of the day that waited for another session: { $count }; programs in the mailbox: { $clients }.
evidence-too-early = The login at { $at } came { $early } too early.
evidence-too-soon = The login at { $at } came sooner than the server allows.
evidence-often = Logins of { $who } within the hour before: { $count }.
evidence-breaks = Sessions of { $who } that broke off and were back within half a minute: { $count }, the last at { $last }.
evidence-stalled = { $who } accepted no more data and was disconnected at { $at }.
evidence-undeleted = Messages marked as deleted and still there at { $at }: { $marked }.

## The sessions around

section-sessions = Sessions around it
session = { $who }; waited { $waited }, in the mailbox { $held }: { $ending }
session-open = { $who }; in the mailbox for { $held } so far

## The picture of a timeline

picture-title = Who was in the mailbox { $maildrop }
picture-no-logins = No logins in this time.
picture-left-out = Too many logins for one picture: at least { $count } more are not shown.
picture-incomplete = Logins of this time may be missing: the journal cannot be read in full now.
picture-not-kept = Nothing is recorded of this time.
picture-to-come = This time is yet to come.
picture-now = now
picture-hold = in the mailbox
picture-login = has the lock, not in the mailbox
picture-wait = waits for the mailbox
picture-delay = is held back
picture-refused = login refused
picture-preempted = closed for a waiter
picture-kicked = ended by an operator
picture-failed = broken off
picture-gave-up = left before it got in
picture-without-quit = left without QUIT
picture-twin = second session of the same client
mark-answer = { $ending }; the client got: { $line }
mark-twin = another session of the same client was in the mailbox, or had just left it
