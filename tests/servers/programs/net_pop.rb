# Prints the messages of a maildrop; the task "take" deletes each one that is printed.

require "net/pop"

$stdout.sync = true
task, mode, host, port, certificate, user, password = ARGV
maildrop = Net::POP3.new(host, port.to_i)
if mode == "implicit"
  maildrop.enable_ssl(verify_mode: OpenSSL::SSL::VERIFY_PEER, ca_file: certificate)
end
maildrop.start(user, password)
maildrop.each_mail do |mail|
  print mail.pop
  mail.delete if task == "take"
end
maildrop.finish
