### Lời của báo cáo. Dữ kiện được đưa vào bằng biến và không dịch.

## Thời gian, tên và con số

weekday-1 = thứ Hai
weekday-2 = thứ Ba
weekday-3 = thứ Tư
weekday-4 = thứ Năm
weekday-5 = thứ Sáu
weekday-6 = thứ Bảy
weekday-7 = Chủ Nhật
month-1 = tháng 1
month-2 = tháng 2
month-3 = tháng 3
month-4 = tháng 4
month-5 = tháng 5
month-6 = tháng 6
month-7 = tháng 7
month-8 = tháng 8
month-9 = tháng 9
month-10 = tháng 10
month-11 = tháng 11
month-12 = tháng 12
date-in-words = { $weekday }, ngày { $day } { $month } năm { $year }, { $time }
program-unknown = không nhận ra
program-script = một tập lệnh
program-notifier = một trình báo thư mới
program-either = { $one } hoặc { $other }
confidence-low = thấp
confidence-medium = trung bình
confidence-high = cao
unknown = không rõ
fill-in = ____________________ (xin điền vào)

## Phần đầu

title = Báo cáo về hộp thư { $maildrop }
made = Do popgate { $version } lập lúc { $time }.
chosen-entry = Nói về lần đăng nhập lúc { $time }.
chosen-near = Nói về lần đăng nhập không suôn sẻ gần { $time } nhất.
chosen-last-bad = Nói về lần đăng nhập không suôn sẻ gần đây nhất.
chosen-last = Từ { $since } không có lần đăng nhập nào trục trặc: nói về lần cuối cùng.
chosen-nearest = Từ { $since } đến { $until } không có lần đăng nhập nào trục trặc: nói về lần gần { $time } nhất.
nothing-kept = Nhật ký không có lần đăng nhập nào vào hộp thư này từ { $since } đến { $until }.
nothing-read = Không đọc được tệp nhật ký, và trong bộ nhớ không có lần đăng nhập nào vào hộp thư này từ { $since } đến { $until }.

## Cho phiếu hỗ trợ

section-ticket = Cho phiếu hỗ trợ
label-domain = Tên miền và MX
label-time = Ngày và giờ
label-address = Địa chỉ máy khách
label-program = Chương trình thư
label-server = Tên máy chủ
label-user = Người dùng POP3
label-port = Cổng TCP
label-encryption = Mã hóa
label-error = Thông báo lỗi
label-system = Hệ điều hành
label-antivirus = Phần mềm diệt virus
label-firewall = Tường lửa
domain-off = chưa kiểm tra: `resolver` trong [report] là "off"
domain-none = chưa kiểm tra: tên đăng nhập không có tên miền
domain-unanswered = { $domain }: chưa kiểm tra: không máy chủ DNS nào trả lời
domain-failed = { $domain }: chưa kiểm tra: máy chủ DNS không trả lời được: { $why }
domain-busy = { $domain }: chưa kiểm tra: quá nhiều lượt kiểm tra cùng lúc
domain-missing = { $domain } không tồn tại
domain-without-mx = { $domain } có tồn tại nhưng không có máy chủ thư
domain-takes-no-mail = { $domain } có tồn tại nhưng khai báo không nhận thư
domain-exists = { $domain } có tồn tại; { $hosts }
mx = MX { $host } { $answer }
mx-implicit = không có MX, dùng chính địa chỉ của tên miền: { $host } { $answer }
mx-greeted = trả lời: { $line }
mx-turned-away = trả lời nhưng không nhận thư lúc này hoặc từ nơi này: { $line }
mx-not-smtp = trả lời nhưng không phải là máy chủ thư: { $line }
mx-closed = đóng kết nối mà không nói gì
mx-silent = nhận kết nối nhưng không nói gì
mx-no-answer = không trả lời
mx-refused = từ chối kết nối
mx-unreachable = không kết nối được: { $why }
mx-no-address = không có địa chỉ
mx-address-unknown = có địa chỉ nhưng DNS không cho biết được
mx-not-public = có địa chỉ riêng nên không được hỏi
mx-not-asked = không được hỏi
program-guess = { $program } (độ tin cậy: { $confidence }; không thấy được phiên bản)
server-by-name = { $name } (đầu vào { $listener })
server-not-said = máy khách không cho biết (đầu vào { $listener })
user-hashed = được gõ ở dạng khác, chỉ lưu dưới dạng băm: hộp thư { $maildrop }
encryption-none = không có
error-none = không có: máy khách không nhận dòng lỗi nào
error-earlier = không có lúc kết thúc; trước đó trong phiên: { $line }
name-hidden = (<user> thay cho tên khi nhật ký lưu tên dưới dạng băm)
antivirus-suspected = ____________________ (xin điền vào; số phiên từ địa chỉ này cùng lúc với một phiên khác hoặc ngay sau đó: { $count }; có thể là phần mềm quét tự đăng nhập)

## Những điều khác đã biết

section-known = Những điều khác đã biết
label-happened = Điều đã xảy ra
label-recorded = Ghi nhận
label-occupants = Ai ở trong hộp thư
label-queue = Hàng đợi
label-limits = Giới hạn
label-blocks = Danh sách chặn
label-backend = Máy chủ thư
label-backend-words = Lời của máy chủ
label-backend-state = Tình trạng máy chủ
label-day = Trong ngày
label-history = Nhật ký
occupant-none = không có ai đi qua popgate
occupant = { $who }: từ { $from }, trong { $held }; { $ending }
occupant-open = vẫn còn ở trong, đã im lặng { $idle }
occupants-more = và { $count } phiên khác
queue-none = lần đăng nhập không phải chờ
queue-waited = đã chờ { $waited }; số phiên đứng trước: { $ahead }
queue-refused = không còn chỗ trong hàng đợi
limits-none = không giới hạn nào có tác dụng
limit-delayed = bị giữ lại { $delay }
limit-early-delayed = đến sớm { $early } so với mức cho phép và bị giữ lại
limit-early-refused = đến sớm { $early } so với mức cho phép và bị từ chối
limit-early-shadow = đến sớm { $early } so với mức cho phép; giới hạn này mới chỉ chạy thử
rule-blocked = bị danh sách chặn từ chối
rule-from_memory = bị từ chối mà không hỏi máy chủ thư, vì máy chủ đã nhiều lần từ chối mật khẩu này
rule-per_address = bị từ chối: quá nhiều kết nối từ địa chỉ này
rule-per_maildrop = bị từ chối: quá nhiều lần đăng nhập vào hộp thư
rule-per_tenant = bị từ chối: quá nhiều lần đăng nhập của khách thuê
rule-login_delay = bị từ chối: chương trình kiểm tra thư quá thường xuyên
blocks-none = không có mục nào về hộp thư này hoặc địa chỉ này
block-blocked = số { $id }: { $target }, bị chặn đến { $until }; { $reason }, lần cuối lúc { $last }
block-pinned = số { $id }: { $target }, bị chặn cho đến khi bỏ ghim; { $reason }, lần cuối lúc { $last }
block-released = số { $id }: { $target }, đã được gỡ chặn; { $reason }, lần cuối lúc { $last }
block-all-mailboxes = mọi hộp thư
block-reason-guessing = dò mật khẩu
block-reason-guessing_many = dò mật khẩu của nhiều hộp thư
block-reason-protocol_abuse = lạm dụng giao thức
block-reason-passing_faults = nhiều lỗi tạm thời trong một ngày hơn mức cho phép
backend-none = không được hỏi
backend-words-none = không có: máy chủ không báo lỗi
state-down = { $backend } không kết nối được từ { $since }
state-up = không thấy { $backend } ngừng hoạt động
state-neighbours = các hộp thư khác trên máy chủ trong những phút đó: { $let_in } được vào, { $refused } bị từ chối
notice-started = popgate đã khởi động
notice-stopped = popgate đã dừng
notice-backend_up = { $subject } kết nối lại được
notice-backend_down = { $subject } không kết nối được
notice-paused = người vận hành tạm dừng { $subject }
notice-resumed = người vận hành cho { $subject } chạy tiếp
notice-draining = người vận hành yêu cầu dừng popgate
notice-kicked = người vận hành đã ngắt phiên { $subject }
notice-reloaded = một cấu hình khác bắt đầu có hiệu lực
notice-lost = một phần nhật ký đã bị mất
day-counts = số lần đăng nhập: { $logins }; trục trặc: { $bad }; phải chờ phiên khác: { $waited }; sai mật khẩu: { $wrong }; không có QUIT: { $without_quit }; số chương trình: { $programs }
history-whole = có từ { $since }
history-cut = nhiều lần đăng nhập hơn mức báo cáo đọc: chỉ tính các lần từ { $since }
history-lost = số mục bị mất từ khi popgate khởi động: { $count }
history-unread = không đọc được tệp của nhật ký, có thể thiếu các lần đăng nhập cũ hơn: { $why }

## Lần đăng nhập kết thúc thế nào

ended-quit_before_login = máy khách thoát mà không đăng nhập
ended-left_before_login = máy khách rời đi mà không đăng nhập
ended-login_timeout = máy khách không đăng nhập kịp thời gian
ended-too_many_logins = quá nhiều lần đăng nhập hỏng trên một kết nối
ended-too_many_bad_commands = quá nhiều lệnh sai trước khi đăng nhập
ended-bytes_behind_stls = có dữ liệu sau STLS, trước khi bắt tay TLS
ended-no_certificate = popgate không có chứng thư cho tên này
ended-tls_handshake = bắt tay TLS thất bại
ended-tls_handshake_timeout = bắt tay TLS quá lâu
ended-no_backend = không kết nối được máy chủ thư nào
ended-wrong_password = máy chủ thư từ chối tên hoặc mật khẩu
ended-login_refused = máy chủ thư từ chối đăng nhập
ended-closed_at_pass = máy chủ thư đóng kết nối thay vì trả lời mật khẩu
ended-closed_at_pass_of_another = máy chủ thư vừa đóng kết nối với cùng mật khẩu đó
ended-refused_by_rule = một quy tắc của popgate từ chối đăng nhập
ended-queue_full = quá nhiều máy khách đang chờ hộp thư
ended-held_by_another = một phiên khác ở trong hộp thư suốt thời gian chờ
ended-locked_elsewhere = máy chủ thư báo suốt thời gian chờ rằng hộp thư đang bị khóa
ended-backend_full = mọi kết nối được phép tới máy chủ thư đều đang bận
ended-paused = người vận hành đã tạm dừng khách thuê hoặc máy chủ thư
ended-backend_unreachable = không kết nối được máy chủ thư
ended-login_unanswered = máy chủ thư không trả lời hợp lệ cho lần đăng nhập
ended-login_unanswered_in_time = máy chủ thư không trả lời đăng nhập kịp thời gian
ended-lost_to_capa = máy chủ thư ngắt kết nối ngay sau khi đăng nhập
ended-left_waiting = máy khách rời đi trong lúc chờ
ended-quit = kết thúc tốt, có QUIT
ended-quit_failed = máy chủ thư không xóa hết các thư đã đánh dấu xóa
ended-closed_at_quit = máy chủ thư ngắt kết nối mà không trả lời QUIT
ended-silent_at_quit = máy chủ thư không trả lời QUIT
ended-left = máy khách rời đi mà không có QUIT
ended-left_in_reply = máy khách rời đi giữa chừng một câu trả lời, không có QUIT
ended-idle_timeout = máy khách im lặng quá lâu và bị ngắt
ended-stalled = máy khách không nhận dữ liệu quá lâu và bị ngắt
ended-preempted = máy khách im lặng và bị ngắt vì có máy khác đang chờ
ended-backend_closed = máy chủ thư ngắt kết nối
ended-backend_closed_in_reply = máy chủ thư ngắt kết nối giữa chừng một câu trả lời
ended-backend_violation = máy chủ thư gửi dữ liệu không hiểu được
ended-kicked = người vận hành đã ngắt phiên
ended-shutdown = popgate đã dừng
ended-panicked = lỗi nội bộ của popgate
ended-no_connection = lỗi nội bộ của popgate: thiếu kết nối
ended-lock_broken = lỗi nội bộ của popgate: trạng thái khóa bị sai

## Nguyên nhân

section-causes = Nguyên nhân, khả năng cao nhất trước
likelihood-high = rất có thể
likelihood-medium = có thể
likelihood-low = có thấy, nhưng có thể không liên quan
advice = Cách xử lý: { $advice }
causes-well = Mọi thứ đều ổn: lần đăng nhập kết thúc tốt, và trong ngày không thấy gì bất thường.
causes-none = Không nguyên nhân thường gặp nào phù hợp; những gì đã biết nằm ở các dữ kiện trên và thông báo lỗi.
title-storage_down = Cơ sở dữ liệu người dùng hoặc bộ lưu trữ của máy chủ gặp sự cố
advice-leave-password = Đừng đổi mật khẩu; người vận hành máy chủ nên kiểm tra cơ sở dữ liệu người dùng và bộ lưu trữ.
title-stale_password = Một chương trình còn dùng mật khẩu cũ
advice-enter-password = Hãy nhập mật khẩu hiện tại vào chương trình đó, hoặc tắt việc lấy thư ở đó.
title-locked_elsewhere = Hộp thư bị khóa bởi thứ không đi qua popgate
advice-send-through = Hãy tìm webmail, dịch vụ lấy thư hoặc chương trình kết nối thẳng tới máy chủ, và cho nó đi qua popgate.
title-phone_without_quit = Một điện thoại hoặc chương trình không bao giờ gửi QUIT
advice-fetch-less-often = Hãy đặt thiết bị đó lấy thư thưa hơn hoặc lấy thủ công, và cập nhật ứng dụng thư.
title-scanner_twin = Một phần mềm quét hoặc kiểm tra thư đăng nhập song song với chương trình thư
advice-switch-off-scanner = Hãy tắt việc kiểm tra thư của phần mềm diệt virus hoặc trình báo thư cho tài khoản này, hoặc cho nó chạy vào lúc khác.
title-two_programs = Hai chương trình lấy thư cùng một lúc
advice-different-intervals = Hãy đặt khoảng cách lấy thư dài hơn và khác nhau ở hai chương trình, ví dụ 10 và 15 phút.
advice-another-time = Hãy để một trong hai chương trình lấy thư vào lúc khác: nó ở trong hộp thư lâu hơn thời gian chương trình kia có thể chờ.
title-checking_too_often = Một chương trình kiểm tra thư quá thường xuyên
advice-longer-interval = Hãy đặt khoảng cách lấy thư của chương trình đó từ 10 phút trở lên.
title-shaky_line = Đường truyền không ổn định
advice-another-network = Hãy thử một mạng khác, ví dụ dây cáp thay cho Wi-Fi, và tải các thư lớn ở đó.
title-message_gone = Một thư đã bị xóa từ trước
advice-fetch-again = Hãy cho chương trình lấy thư lại; nếu thư đó cứ xuất hiện, hãy gỡ tài khoản trong chương trình và tạo lại.
title-deletions_not_done = Thư đã xóa không được gỡ bỏ
advice-check-storage = Người vận hành nên kiểm tra dung lượng đĩa, hạn mức và quyền của hộp thư; sau đó cho chương trình xóa lại.
advice-let-it-quit = Chương trình phải kết thúc phiên bằng QUIT: hãy để nó lấy thư lại, và xem các nguyên nhân khác.

## Bằng chứng

evidence-wrong-password = Một lần đăng nhập của { $who } bị từ chối vì mật khẩu, lúc { $last }.
evidence-wrong-passwords = { $count } lần đăng nhập của { $who } bị từ chối vì mật khẩu, lần đầu lúc { $first }, lần cuối lúc { $last }.
evidence-right-password = { $who } đăng nhập với mật khẩu đúng lúc { $at }.
evidence-password-was-right = Trong vòng 24 giờ trước đó máy chủ đã chấp nhận cùng mật khẩu này.
evidence-neighbours = Các hộp thư khác trên máy chủ trong những phút đó: { $refused } bị từ chối, { $let_in } được vào.
evidence-backend-down = Máy chủ { $backend } không kết nối được từ { $since }.
evidence-backend-said = Lời của máy chủ lúc { $at }: { $line }
evidence-ended = Ghi nhận lúc { $at }: { $sentence }
evidence-locked-replies = Số lần máy chủ trả lời hộp thư đang bị khóa: { $count }, lần cuối đến { $last }.
evidence-held = { $who } ở trong hộp thư từ { $from }, trong { $held }.
evidence-silent = { $who } không gửi gì trong { $idle }, kể cả QUIT.
evidence-never-quits = Số phiên của { $who } trong ngày đó, tất cả không có QUIT: { $sessions }.
evidence-preempted = { $who } bị ngắt lúc { $at } vì có chương trình khác đang chờ.
evidence-twins = Số phiên từ { $address } trong lúc một phiên khác của cùng địa chỉ đang ở trong hộp thư, hoặc ngay sau đó: { $count }, lần cuối lúc { $last }.
evidence-contended = Số lần đăng nhập trong ngày phải chờ phiên khác: { $count }; số chương trình trong hộp thư: { $clients }.
evidence-too-early = Lần đăng nhập lúc { $at } đến sớm { $early }.
evidence-too-soon = Lần đăng nhập lúc { $at } đến sớm hơn mức máy chủ cho phép.
evidence-often = Số lần đăng nhập của { $who } trong một giờ trước đó: { $count }.
evidence-breaks = Số phiên của { $who } bị đứt và trở lại trong nửa phút: { $count }, lần cuối lúc { $last }.
evidence-stalled = { $who } không nhận dữ liệu nữa và bị ngắt lúc { $at }.
evidence-undeleted = Số thư đánh dấu xóa mà vẫn còn lúc { $at }: { $marked }.

## Các phiên xung quanh

section-sessions = Các phiên xung quanh
session = { $who }; chờ { $waited }, trong hộp thư { $held }: { $ending }
session-open = { $who }; ở trong hộp thư đã { $held }

## The picture of a timeline

picture-title = Ai đã vào hộp thư { $maildrop }
picture-no-logins = Không có lần đăng nhập nào trong khoảng thời gian này.
picture-left-out = Quá nhiều lần đăng nhập cho một hình: ít nhất { $count } lần nữa không được vẽ.
picture-incomplete = Có thể thiếu các lần đăng nhập trong khoảng thời gian này: hiện không đọc được toàn bộ nhật ký.
picture-not-kept = Không có ghi chép nào về khoảng thời gian này.
picture-to-come = Khoảng thời gian này chưa đến.
picture-now = bây giờ
picture-hold = đang ở trong hộp thư
picture-login = giữ khóa, chưa vào hộp thư
picture-wait = chờ hộp thư
picture-delay = bị giữ lại
picture-refused = đăng nhập bị từ chối
picture-preempted = bị đóng để nhường người chờ
picture-kicked = bị người vận hành ngắt
picture-failed = bị gián đoạn
picture-gave-up = rời đi trước khi vào được
picture-without-quit = rời đi mà không gửi QUIT
picture-twin = phiên thứ hai của cùng một máy
mark-answer = { $ending }; máy khách nhận được: { $line }
mark-twin = một phiên khác của cùng máy khách đang ở trong hộp thư hoặc vừa rời khỏi
