# Prints the messages of a maildrop; the task "take" deletes each one that is printed, and the task
# "poll" prints those that it has not printed before.

require "net/pop"

$stdout.sync = true
task, mode, host, port, certificate, user, password = ARGV
maildrop = Net::POP3.new(host, port.to_i)
if mode == "implicit"
  maildrop.enable_ssl(verify_mode: OpenSSL::SSL::VERIFY_PEER, ca_file: certificate)
end
maildrop.start(user, password)
seen = task == "poll" && File.exist?("seen") ? File.readlines("seen", chomp: true) : []
maildrop.each_mail do |mail|
  next if task == "poll" && seen.include?(mail.unique_id)
  print mail.pop
  mail.delete if task == "take"
end
File.write("seen", maildrop.mails.map(&:unique_id).join("\n")) if task == "poll"
maildrop.finish
