### Die Worte eines Berichts. Fakten kommen als Variablen und werden nicht übersetzt.

## Zeiten, Namen und Zahlen

weekday-1 = Montag
weekday-2 = Dienstag
weekday-3 = Mittwoch
weekday-4 = Donnerstag
weekday-5 = Freitag
weekday-6 = Samstag
weekday-7 = Sonntag
month-1 = Januar
month-2 = Februar
month-3 = März
month-4 = April
month-5 = Mai
month-6 = Juni
month-7 = Juli
month-8 = August
month-9 = September
month-10 = Oktober
month-11 = November
month-12 = Dezember
date-in-words = { $weekday }, { $day }. { $month } { $year }, { $time } Uhr
program-unknown = nicht erkannt
program-script = ein Skript
program-notifier = ein Mail-Melder
program-either = { $one } oder { $other }
confidence-low = gering
confidence-medium = mittel
confidence-high = hoch
unknown = nicht bekannt
fill-in = ____________________ (bitte ausfüllen)

## Der Kopf

title = Bericht zum Postfach { $maildrop }
made = Erstellt von popgate { $version } am { $time }.
chosen-entry = Es geht um die Anmeldung, die { $time } begann.
chosen-near = Es geht um die Anmeldung, die { $time } am nächsten liegt und nicht gut ausging.
chosen-last-bad = Es geht um die letzte Anmeldung, die nicht gut ausging.
chosen-last = Seit { $since } ging keine Anmeldung schlecht aus: Es geht um die letzte.
chosen-nearest = Von { $since } bis { $until } ging keine Anmeldung schlecht aus: Es geht um die, die { $time } am nächsten liegt.
nothing-kept = Von { $since } bis { $until } steht keine Anmeldung an diesem Postfach im Verlauf.
nothing-read = Die Datei des Verlaufs war nicht lesbar, und im Arbeitsspeicher steht von { $since } bis { $until } keine Anmeldung an diesem Postfach.

## Für das Ticket

section-ticket = Für das Ticket
label-domain = Domain und MX
label-time = Datum und Uhrzeit
label-address = Adresse des Clients
label-program = Mailprogramm
label-server = Servername
label-user = POP3-Benutzer
label-port = TCP-Port
label-encryption = Verschlüsselung
label-error = Fehlermeldung
label-system = Betriebssystem
label-antivirus = Virenschutz
label-firewall = Firewall
domain-off = nicht geprüft: `resolver` in [report] ist "off"
domain-none = nicht geprüft: Die Anmeldung hat keine Domain
domain-unanswered = { $domain }: nicht geprüft: Kein DNS-Server hat geantwortet
domain-failed = { $domain }: nicht geprüft: Der DNS-Server konnte es nicht sagen: { $why }
domain-busy = { $domain }: nicht geprüft: zu viele Prüfungen auf einmal
domain-missing = { $domain } gibt es nicht
domain-without-mx = { $domain } gibt es, aber ohne Mailserver
domain-takes-no-mail = { $domain } gibt es, nimmt aber nach eigener Angabe keine Mail an
domain-exists = { $domain } gibt es; { $hosts }
mx = MX { $host } { $answer }
mx-implicit = kein MX, dafür steht die eigene Adresse: { $host } { $answer }
mx-greeted = antwortet: { $line }
mx-turned-away = antwortet, nimmt aber jetzt oder von hier keine Mail an: { $line }
mx-not-smtp = antwortet, aber nicht als Mailserver: { $line }
mx-closed = schließt die Verbindung wortlos
mx-silent = nimmt die Verbindung an und sagt nichts
mx-no-answer = antwortet nicht
mx-refused = lehnt die Verbindung ab
mx-unreachable = ist nicht erreichbar: { $why }
mx-no-address = hat keine Adresse
mx-address-unknown = hat eine Adresse, die DNS nicht sagen konnte
mx-not-public = hat eine private Adresse und wurde nicht gefragt
mx-not-asked = wurde nicht gefragt
program-guess = { $program } (Sicherheit: { $confidence }; Version nicht erkennbar)
server-by-name = { $name } (Listener { $listener })
server-not-said = vom Client nicht genannt (Listener { $listener })
user-hashed = in anderer Form eingegeben, die nur als Hash gespeichert ist: Postfach { $maildrop }
encryption-none = keine
error-none = keine: Der Client bekam keine Fehlerzeile
error-earlier = am Ende keine; vorher in der Sitzung: { $line }
name-hidden = (<user> steht für den Namen, wo der Verlauf Namen als Hash speichert)
antivirus-suspected = ____________________ (bitte ausfüllen; Sitzungen von dieser Adresse neben einer anderen oder gleich danach: { $count }; das kann ein Virenscanner sein, der sich selbst anmeldet)

## Was sonst bekannt ist

section-known = Was sonst bekannt ist
label-happened = Was geschah
label-recorded = Aufgezeichnet
label-occupants = Wer im Postfach war
label-queue = Warteschlange
label-limits = Grenzen
label-blocks = Sperrliste
label-backend = Mailserver
label-backend-words = Seine Worte
label-backend-state = Sein Zustand
label-day = Der Tag
label-history = Verlauf
occupant-none = niemand, der über popgate kam
occupant = { $who }: ab { $from }, { $held } lang; { $ending }
occupant-open = noch darin, seit { $idle } still
occupants-more = und { $count } weitere
queue-none = die Anmeldung musste nicht warten
queue-waited = wartete { $waited }; Sitzungen vor ihr: { $ahead }
queue-refused = fand keinen freien Platz in der Warteschlange
limits-none = keine hat gewirkt
limit-delayed = wurde { $delay } aufgehalten
limit-early-delayed = kam { $early } zu früh und wurde aufgehalten
limit-early-refused = kam { $early } zu früh und wurde abgelehnt
limit-early-shadow = kam { $early } zu früh; die Grenze wird nur erprobt
rule-blocked = von der Sperrliste abgelehnt
rule-from_memory = ohne Rückfrage abgelehnt, weil der Mailserver dieses Passwort schon mehrmals abgelehnt hatte
rule-per_address = abgelehnt: zu viele Verbindungen von dieser Adresse
rule-per_maildrop = abgelehnt: zu viele Anmeldungen an diesem Postfach
rule-per_tenant = abgelehnt: zu viele Anmeldungen dieses Mandanten
rule-login_delay = abgelehnt: Das Programm fragt zu oft nach Mail
blocks-none = kein Eintrag zu diesem Postfach oder dieser Adresse
block-blocked = Nummer { $id }: { $target }, gesperrt bis { $until }; { $reason }, zuletzt { $last }
block-pinned = Nummer { $id }: { $target }, gesperrt, bis der Eintrag gelöst wird; { $reason }, zuletzt { $last }
block-released = Nummer { $id }: { $target }, freigegeben; { $reason }, zuletzt { $last }
block-all-mailboxes = alle Postfächer
block-reason-guessing = Passwörter wurden geraten
block-reason-guessing_many = Passwörter vieler Postfächer wurden geraten
block-reason-protocol_abuse = Missbrauch des Protokolls
block-reason-passing_faults = mehr vorübergehende Fehler an einem Tag als erlaubt
backend-none = wurde nicht gefragt
backend-words-none = keine: Er meldete keinen Fehler
state-down = { $backend } war ab { $since } nicht erreichbar
state-up = von { $backend } ist kein Ausfall bekannt
state-neighbours = andere Postfächer auf ihm in denselben Minuten: { $let_in } eingelassen, { $refused } abgewiesen
notice-started = popgate wurde gestartet
notice-stopped = popgate wurde beendet
notice-backend_up = { $subject } war wieder erreichbar
notice-backend_down = { $subject } war nicht erreichbar
notice-paused = { $subject } wurde vom Betreiber angehalten
notice-resumed = { $subject } wurde vom Betreiber fortgesetzt
notice-draining = der Betreiber leitete das Ende von popgate ein
notice-kicked = der Betreiber beendete die Sitzung { $subject }
notice-reloaded = eine andere Konfiguration trat in Kraft
notice-lost = ein Teil des Verlaufs ging verloren
day-counts = Anmeldungen: { $logins }; davon schlecht ausgegangen: { $bad }; auf eine andere Sitzung gewartet: { $waited }; falsche Passwörter: { $wrong }; ohne QUIT: { $without_quit }; Programme: { $programs }
history-whole = reicht zurück bis { $since }
history-cut = mehr Anmeldungen, als ein Bericht liest: Nur die ab { $since } sind gezählt
history-lost = seit dem Start von popgate verlorene Einträge: { $count }
history-unread = seine Datei war nicht lesbar, ältere Anmeldungen können fehlen: { $why }

## Wie eine Anmeldung endete

ended-quit_before_login = der Client beendete die Verbindung ohne Anmeldung
ended-left_before_login = der Client ging ohne Anmeldung weg
ended-login_timeout = der Client meldete sich nicht rechtzeitig an
ended-too_many_logins = zu viele gescheiterte Anmeldungen in einer Verbindung
ended-too_many_bad_commands = zu viele falsche Befehle vor der Anmeldung
ended-bytes_behind_stls = nach STLS kamen Daten vor dem TLS-Handshake
ended-no_certificate = popgate hat für diesen Namen kein Zertifikat
ended-tls_handshake = der TLS-Handshake misslang
ended-tls_handshake_timeout = der TLS-Handshake dauerte zu lange
ended-no_backend = kein Mailserver war erreichbar
ended-wrong_password = der Mailserver lehnte Name oder Passwort ab
ended-login_refused = der Mailserver lehnte die Anmeldung ab
ended-closed_at_pass = der Mailserver schloss die Verbindung, statt auf das Passwort zu antworten
ended-closed_at_pass_of_another = der Mailserver hatte bei demselben Passwort gerade die Verbindung geschlossen
ended-refused_by_rule = eine Regel von popgate lehnte die Anmeldung ab
ended-queue_full = zu viele Clients warteten auf das Postfach
ended-held_by_another = eine andere Sitzung war die ganze Wartezeit über im Postfach
ended-locked_elsewhere = der Mailserver meldete die ganze Wartezeit über, das Postfach sei gesperrt
ended-backend_full = alle erlaubten Verbindungen zum Mailserver waren belegt
ended-paused = der Betreiber hatte den Mandanten oder den Mailserver angehalten
ended-backend_unreachable = der Mailserver war nicht erreichbar
ended-login_unanswered = der Mailserver gab keine brauchbare Antwort auf die Anmeldung
ended-login_unanswered_in_time = der Mailserver beantwortete die Anmeldung nicht rechtzeitig
ended-lost_to_capa = der Mailserver beendete die Verbindung gleich nach der Anmeldung
ended-left_waiting = der Client ging weg, während er wartete
ended-quit = gut beendet, mit QUIT
ended-quit_failed = der Mailserver entfernte nicht alle gelöschten Nachrichten
ended-closed_at_quit = der Mailserver beendete die Verbindung ohne Antwort auf QUIT
ended-silent_at_quit = der Mailserver beantwortete QUIT nicht
ended-left = der Client ging ohne QUIT weg
ended-left_in_reply = der Client ging mitten in einer Antwort weg, ohne QUIT
ended-idle_timeout = der Client war zu lange still und wurde getrennt
ended-stalled = der Client nahm zu lange keine Daten an und wurde getrennt
ended-preempted = der Client war still und wurde getrennt, weil ein anderer wartete
ended-backend_closed = der Mailserver beendete die Verbindung
ended-backend_closed_in_reply = der Mailserver beendete die Verbindung mitten in einer Antwort
ended-backend_violation = der Mailserver sandte etwas Unverständliches
ended-kicked = der Betreiber beendete die Sitzung
ended-shutdown = popgate wurde beendet
ended-panicked = ein interner Fehler von popgate
ended-no_connection = ein interner Fehler von popgate: Die Verbindung fehlte
ended-lock_broken = ein interner Fehler von popgate: Der Zustand der Sperre war falsch

## Ursachen

section-causes = Ursachen, die wahrscheinlichste zuerst
likelihood-high = sehr wahrscheinlich
likelihood-medium = möglich
likelihood-low = aufgefallen, vielleicht ohne Zusammenhang
advice = Was zu tun ist: { $advice }
causes-well = Alles in Ordnung: Die Anmeldung ging gut aus, und an diesem Tag fiel nichts auf.
causes-none = Keine der üblichen Ursachen passt; was bekannt ist, sagen die Fakten oben und die Fehlermeldung.
title-storage_down = Benutzerdatenbank oder Speicher des Mailservers ausgefallen
advice-leave-password = Das Passwort bitte nicht ändern; der Betreiber des Mailservers sollte dessen Benutzerdatenbank und Speicher prüfen.
title-stale_password = Ein Programm hat ein altes Passwort
advice-enter-password = Tragen Sie in diesem Programm das aktuelle Passwort ein, oder schalten Sie dort den Mailabruf ab.
title-locked_elsewhere = Postfach von etwas gesperrt, das nicht über popgate kommt
advice-send-through = Suchen Sie einen Webmailer, Abrufdienst oder ein Programm, das den Mailserver direkt anspricht, und leiten Sie es über popgate.
title-phone_without_quit = Ein Handy oder Programm, das nie QUIT sagt
advice-fetch-less-often = Lassen Sie dieses Gerät seltener oder nur auf Knopfdruck abrufen, und aktualisieren Sie seine Mail-App.
title-scanner_twin = Ein Virenscanner oder Mail-Melder, der sich neben dem Mailprogramm anmeldet
advice-switch-off-scanner = Schalten Sie die Mailprüfung des Virenschutzes oder Melders für dieses Konto ab, oder lassen Sie ihn zu anderen Zeiten prüfen.
title-two_programs = Zwei Programme rufen zur selben Zeit ab
advice-different-intervals = Stellen Sie in den beiden Programmen längere und verschiedene Abstände ein, etwa 10 und 15 Minuten.
advice-another-time = Lassen Sie eines der beiden zu einer anderen Zeit abrufen: Es war länger im Postfach, als das andere warten konnte.
title-checking_too_often = Ein Programm fragt zu oft nach Mail
advice-longer-interval = Stellen Sie den Abrufabstand dieses Programms auf 10 Minuten oder mehr.
title-shaky_line = Eine wacklige Leitung
advice-another-network = Versuchen Sie es in einem anderen Netz, etwa mit Kabel statt WLAN, und rufen Sie große Nachrichten dort ab.
title-message_gone = Eine Nachricht war schon gelöscht
advice-fetch-again = Lassen Sie das Programm erneut abrufen; kehrt die Nachricht immer wieder, so richten Sie das Konto darin neu ein.
title-deletions_not_done = Gelöschte Nachrichten wurden nicht entfernt
advice-check-storage = Der Betreiber sollte Plattenplatz, Quota und Rechte des Postfachs prüfen; danach lassen Sie das Programm erneut löschen.
advice-let-it-quit = Das Programm muss seine Sitzung mit QUIT beenden: Lassen Sie es erneut abrufen, und beachten Sie die anderen Ursachen.

## Belege

evidence-wrong-password = Eine Anmeldung von { $who } wurde wegen ihres Passworts abgelehnt, { $last }.
evidence-wrong-passwords = { $count } Anmeldungen von { $who } wurden wegen ihres Passworts abgelehnt, die erste { $first }, die letzte { $last }.
evidence-right-password = { $who } meldete sich { $at } mit dem richtigen Passwort an.
evidence-password-was-right = In den 24 Stunden davor hatte der Mailserver dasselbe Passwort angenommen.
evidence-neighbours = Andere Postfächer auf dem Mailserver in denselben Minuten: { $refused } abgewiesen, { $let_in } eingelassen.
evidence-backend-down = Der Mailserver { $backend } war ab { $since } nicht erreichbar.
evidence-backend-said = Die Worte des Mailservers, { $at }: { $line }
evidence-ended = Aufgezeichnet { $at }: { $sentence }
evidence-locked-replies = Antworten des Mailservers, das Postfach sei gesperrt: { $count }, die letzte bis { $last }.
evidence-held = { $who } war ab { $from } im Postfach, { $held } lang.
evidence-silent = { $who } sandte { $idle } lang nichts und kein QUIT.
evidence-never-quits = Sitzungen von { $who } an diesem Tag, alle ohne QUIT: { $sessions }.
evidence-preempted = { $who } wurde { $at } getrennt, weil ein anderes Programm wartete.
evidence-twins = Sitzungen von { $address }, während eine andere von derselben Adresse im Postfach war oder es gerade verlassen hatte: { $count }, die letzte { $last }.
evidence-contended = Anmeldungen dieses Tages, die auf eine andere Sitzung warteten: { $count }; Programme im Postfach: { $clients }.
evidence-too-early = Die Anmeldung { $at } kam { $early } zu früh.
evidence-too-soon = Die Anmeldung { $at } kam früher, als der Mailserver erlaubt.
evidence-often = Anmeldungen von { $who } in der Stunde davor: { $count }.
evidence-breaks = Sitzungen von { $who }, die abbrachen und nach höchstens einer halben Minute neu begannen: { $count }, die letzte { $last }.
evidence-stalled = { $who } nahm keine Daten mehr an und wurde { $at } getrennt.
evidence-undeleted = Nachrichten, die zum Löschen markiert und { $at } noch da waren: { $marked }.

## Die Sitzungen ringsum

section-sessions = Sitzungen ringsum
session = { $who }; wartete { $waited }, im Postfach { $held }: { $ending }
session-open = { $who }; bis jetzt { $held } im Postfach

## The picture of a timeline

picture-title = Wer im Postfach { $maildrop } war
picture-no-logins = Keine Anmeldungen in dieser Zeit.
picture-left-out = Zu viele Anmeldungen für ein Bild: mindestens { $count } weitere sind nicht gezeigt.
picture-incomplete = Anmeldungen aus dieser Zeit können fehlen: das Journal ist zurzeit nicht ganz lesbar.
picture-not-kept = Über diese Zeit ist nichts aufgezeichnet.
picture-to-come = Diese Zeit kommt erst noch.
picture-now = jetzt
picture-hold = im Postfach
picture-login = hat die Sperre, nicht im Postfach
picture-wait = wartet auf das Postfach
picture-delay = wird zurückgehalten
picture-refused = Anmeldung abgelehnt
picture-preempted = für einen Wartenden beendet
picture-kicked = vom Betreiber beendet
picture-failed = abgebrochen
picture-gave-up = vor dem Einlass gegangen
picture-without-quit = ohne QUIT gegangen
picture-twin = zweite Sitzung desselben Geräts
mark-answer = { $ending }; der Client bekam: { $line }
mark-twin = eine andere Sitzung desselben Clients war im Postfach oder hatte es gerade verlassen
