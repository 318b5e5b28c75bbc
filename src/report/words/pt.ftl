### As palavras de um relatório. Os fatos vêm como variáveis e não são traduzidos.

## Datas, nomes e números

weekday-1 = segunda-feira
weekday-2 = terça-feira
weekday-3 = quarta-feira
weekday-4 = quinta-feira
weekday-5 = sexta-feira
weekday-6 = sábado
weekday-7 = domingo
month-1 = janeiro
month-2 = fevereiro
month-3 = março
month-4 = abril
month-5 = maio
month-6 = junho
month-7 = julho
month-8 = agosto
month-9 = setembro
month-10 = outubro
month-11 = novembro
month-12 = dezembro
date-in-words = { $weekday }, { $day } de { $month } de { $year }, { $time }
program-unknown = não reconhecido
program-script = um script
program-notifier = um notificador de e-mail
program-either = { $one } ou { $other }
confidence-low = baixa
confidence-medium = média
confidence-high = alta
unknown = desconhecido
fill-in = ____________________ (favor preencher)

## O início

title = Relatório sobre a caixa de correio { $maildrop }
made = Feito pelo popgate { $version } em { $time }.
chosen-entry = Trata do login de { $time }.
chosen-near = Trata do login mais próximo de { $time } que não terminou bem.
chosen-last-bad = Trata do último login que não terminou bem.
chosen-last = Desde { $since } nenhum login terminou mal: trata do último.
chosen-nearest = De { $since } até { $until } nenhum login terminou mal: trata do mais próximo de { $time }.
nothing-kept = O histórico não tem nenhum login nesta caixa de correio de { $since } até { $until }.
nothing-read = Não foi possível ler o arquivo do histórico, e a memória não tem nenhum login nesta caixa de correio de { $since } até { $until }.

## Para o chamado

section-ticket = Para o chamado
label-domain = Domínio e MX
label-time = Data e hora
label-address = Endereço do cliente
label-program = Programa de e-mail
label-server = Nome do servidor
label-user = Usuário POP3
label-port = Porta TCP
label-encryption = Criptografia
label-error = Mensagem de erro
label-system = Sistema operacional
label-antivirus = Antivírus
label-firewall = Firewall
domain-off = não verificado: `resolver` em [report] é "off"
domain-none = não verificado: o login não tem domínio
domain-unanswered = { $domain }: não verificado: nenhum servidor DNS respondeu
domain-failed = { $domain }: não verificado: o servidor DNS não soube responder: { $why }
domain-busy = { $domain }: não verificado: verificações demais ao mesmo tempo
domain-missing = { $domain } não existe
domain-without-mx = { $domain } existe e não tem servidor de e-mail
domain-takes-no-mail = { $domain } existe e declara que não recebe e-mail
domain-exists = { $domain } existe; { $hosts }
mx = MX { $host } { $answer }
mx-implicit = sem MX, vale o próprio endereço: { $host } { $answer }
mx-greeted = responde: { $line }
mx-turned-away = responde, mas não aceita e-mail agora ou a partir daqui: { $line }
mx-not-smtp = responde, mas não como servidor de e-mail: { $line }
mx-closed = fecha a conexão sem dizer nada
mx-silent = aceita a conexão e não diz nada
mx-no-answer = não responde
mx-refused = recusa a conexão
mx-unreachable = está inacessível: { $why }
mx-no-address = não tem endereço
mx-address-unknown = tem um endereço que o DNS não soube informar
mx-not-public = tem um endereço privado e não foi consultado
mx-not-asked = não foi consultado
program-guess = { $program } (confiança: { $confidence }; a versão não é visível)
server-by-name = { $name } (entrada { $listener })
server-not-said = o cliente não informou (entrada { $listener })
user-hashed = digitado de outra forma, guardada como hash: caixa de correio { $maildrop }
encryption-none = nenhuma
error-none = nenhuma: o cliente não recebeu linha de erro
error-earlier = nenhuma no fim; antes, na sessão: { $line }
name-hidden = (<user> representa o nome quando o histórico guarda os nomes como hash)
antivirus-suspected = ____________________ (favor preencher; sessões deste endereço ao lado de outra, ou logo depois dela: { $count }; pode ser um antivírus que faz login por conta própria)

## O que mais se sabe

section-known = O que mais se sabe
label-happened = O que aconteceu
label-recorded = Registrado
label-occupants = Quem estava nela
label-queue = Fila
label-limits = Limites
label-blocks = Lista de bloqueio
label-backend = Servidor
label-backend-words = Palavras dele
label-backend-state = Estado dele
label-day = O dia
label-history = Histórico
occupant-none = ninguém que passasse pelo popgate
occupant = { $who }: a partir de { $from }, durante { $held }; { $ending }
occupant-open = ainda está nela, em silêncio há { $idle }
occupants-more = e mais { $count }
queue-none = o login não precisou esperar
queue-waited = esperou { $waited }; sessões na frente: { $ahead }
queue-refused = não achou lugar livre na fila
limits-none = nenhum teve efeito
limit-delayed = foi retido por { $delay }
limit-early-delayed = chegou { $early } antes do permitido e foi retido
limit-early-refused = chegou { $early } antes do permitido e foi recusado
limit-early-shadow = chegou { $early } antes do permitido; o limite está só em teste
rule-blocked = recusado pela lista de bloqueio
rule-from_memory = recusado sem consultar o servidor, que já havia recusado esta senha várias vezes
rule-per_address = recusado: conexões demais a partir do endereço
rule-per_maildrop = recusado: logins demais na caixa de correio
rule-per_tenant = recusado: logins demais do inquilino
rule-login_delay = recusado: o programa verifica o e-mail com frequência demais
blocks-none = nenhuma entrada para esta caixa de correio ou este endereço
block-blocked = número { $id }: { $target }, bloqueado até { $until }; { $reason }, por último em { $last }
block-pinned = número { $id }: { $target }, bloqueado até que a entrada seja desafixada; { $reason }, por último em { $last }
block-released = número { $id }: { $target }, liberado; { $reason }, por último em { $last }
block-all-mailboxes = todas as caixas de correio
block-reason-guessing = tentativas de adivinhar senhas
block-reason-guessing_many = tentativas de adivinhar senhas de muitas caixas de correio
block-reason-protocol_abuse = abuso do protocolo
block-reason-passing_faults = mais falhas passageiras em um dia do que o permitido
backend-none = não foi consultado
backend-words-none = nenhuma: não informou erro
state-down = { $backend } estava inacessível a partir de { $since }
state-up = não se conhece nenhuma queda de { $backend }
state-neighbours = outras caixas de correio nele nos mesmos minutos: { $let_in } aceitas, { $refused } recusadas
notice-started = o popgate foi iniciado
notice-stopped = o popgate foi encerrado
notice-backend_up = { $subject } voltou a responder
notice-backend_down = { $subject } estava inacessível
notice-paused = um operador pausou { $subject }
notice-resumed = um operador retomou { $subject }
notice-draining = um operador pediu o encerramento do popgate
notice-kicked = um operador encerrou a sessão { $subject }
notice-reloaded = outra configuração entrou em vigor
notice-lost = parte do histórico foi perdida
day-counts = logins: { $logins }; terminaram mal: { $bad }; esperaram por outra sessão: { $waited }; senhas erradas: { $wrong }; sem QUIT: { $without_quit }; programas: { $programs }
history-whole = vai até { $since }
history-cut = mais logins do que um relatório lê: só foram contados os desde { $since }
history-lost = entradas perdidas desde o início do popgate: { $count }
history-unread = não foi possível ler o arquivo dele, podem faltar logins mais antigos: { $why }

## Como um login terminou

ended-quit_before_login = o cliente encerrou sem login
ended-left_before_login = o cliente saiu sem login
ended-login_timeout = o cliente não fez login a tempo
ended-too_many_logins = logins malsucedidos demais em uma conexão
ended-too_many_bad_commands = comandos errados demais antes do login
ended-bytes_behind_stls = vieram dados depois de STLS, antes do handshake TLS
ended-no_certificate = o popgate não tem certificado para este nome
ended-tls_handshake = o handshake TLS falhou
ended-tls_handshake_timeout = o handshake TLS demorou demais
ended-no_backend = nenhum servidor estava acessível
ended-wrong_password = o servidor recusou o nome ou a senha
ended-login_refused = o servidor recusou o login
ended-closed_at_pass = o servidor fechou a conexão em vez de responder à senha
ended-closed_at_pass_of_another = o servidor tinha acabado de fechar a conexão com a mesma senha
ended-refused_by_rule = uma regra do popgate recusou o login
ended-queue_full = clientes demais esperavam pela caixa de correio
ended-held_by_another = outra sessão esteve na caixa de correio durante toda a espera
ended-locked_elsewhere = o servidor disse durante toda a espera que a caixa de correio está em uso
ended-backend_full = todas as conexões permitidas com o servidor estavam ocupadas
ended-paused = um operador tinha pausado o inquilino ou o servidor
ended-backend_unreachable = o servidor estava inacessível
ended-login_unanswered = o servidor não deu resposta válida ao login
ended-login_unanswered_in_time = o servidor não respondeu ao login a tempo
ended-lost_to_capa = o servidor encerrou a conexão logo depois do login
ended-left_waiting = o cliente saiu enquanto esperava
ended-quit = terminou bem, com QUIT
ended-quit_failed = o servidor não removeu todas as mensagens apagadas
ended-closed_at_quit = o servidor encerrou a conexão sem responder a QUIT
ended-silent_at_quit = o servidor não respondeu a QUIT
ended-left = o cliente saiu sem QUIT
ended-left_in_reply = o cliente saiu no meio de uma resposta, sem QUIT
ended-idle_timeout = o cliente ficou em silêncio por tempo demais e foi desconectado
ended-stalled = o cliente não aceitou dados por tempo demais e foi desconectado
ended-preempted = o cliente estava em silêncio e foi desconectado porque outro esperava
ended-backend_closed = o servidor encerrou a conexão
ended-backend_closed_in_reply = o servidor encerrou a conexão no meio de uma resposta
ended-backend_violation = o servidor enviou algo que não se pode interpretar
ended-kicked = um operador encerrou a sessão
ended-shutdown = o popgate foi encerrado
ended-panicked = erro interno do popgate
ended-no_connection = erro interno do popgate: faltava a conexão
ended-lock_broken = erro interno do popgate: o estado da trava estava errado

## Causas

section-causes = Causas, a mais provável primeiro
likelihood-high = muito provável
likelihood-medium = possível
likelihood-low = observado, talvez sem relação
advice = O que fazer: { $advice }
causes-well = Está tudo em ordem: o login terminou bem, e nada de incomum foi visto nesse dia.
causes-none = Nenhuma das causas habituais se aplica; os fatos acima e a mensagem de erro dizem o que se sabe.
title-storage_down = Banco de usuários ou armazenamento do servidor fora do ar
advice-leave-password = Não troque a senha; o operador do servidor deve verificar o banco de usuários e o armazenamento.
title-stale_password = Um programa tem uma senha antiga
advice-enter-password = Digite a senha atual nesse programa ou desligue nele a busca de e-mail.
title-locked_elsewhere = Caixa de correio em uso por algo que não passa pelo popgate
advice-send-through = Procure um webmail, um serviço de coleta ou um programa que acesse o servidor diretamente e faça-o passar pelo popgate.
title-phone_without_quit = Um telefone ou programa que nunca envia QUIT
advice-fetch-less-often = Configure esse aparelho para buscar e-mail com menos frequência ou manualmente e atualize o aplicativo de e-mail.
title-scanner_twin = Um antivírus ou verificador que faz login ao lado do programa de e-mail
advice-switch-off-scanner = Desligue a verificação de e-mail do antivírus ou do notificador para esta conta, ou deixe-a para outros horários.
title-two_programs = Dois programas buscam e-mail ao mesmo tempo
advice-different-intervals = Configure intervalos maiores e diferentes nos dois programas, por exemplo 10 e 15 minutos.
advice-another-time = Deixe um dos dois buscar e-mail em outro horário: ele ficou na caixa de correio por mais tempo do que o outro podia esperar.
title-checking_too_often = Um programa verifica o e-mail com frequência demais
advice-longer-interval = Ajuste o intervalo desse programa para 10 minutos ou mais.
title-shaky_line = Uma conexão instável
advice-another-network = Tente outra rede, por exemplo cabo em vez de Wi-Fi, e baixe ali as mensagens grandes.
title-message_gone = Uma mensagem já tinha sido apagada
advice-fetch-again = Deixe o programa buscar o e-mail de novo; se a mensagem sempre voltar, remova e recrie a conta nele.
title-deletions_not_done = Mensagens apagadas não foram removidas
advice-check-storage = O operador deve verificar espaço em disco, cota e permissões da caixa de correio; depois deixe o programa apagar de novo.
advice-let-it-quit = O programa precisa encerrar a sessão com QUIT: deixe-o buscar e-mail de novo e veja as outras causas.

## Evidências

evidence-wrong-password = Um login de { $who } foi recusado pela senha, em { $last }.
evidence-wrong-passwords = { $count } logins de { $who } foram recusados pela senha, o primeiro em { $first }, o último em { $last }.
evidence-right-password = { $who } fez login com a senha certa em { $at }.
evidence-password-was-right = Nas 24 horas anteriores o servidor tinha aceitado a mesma senha.
evidence-neighbours = Outras caixas de correio no servidor nos mesmos minutos: { $refused } recusadas, { $let_in } aceitas.
evidence-backend-down = O servidor { $backend } estava inacessível a partir de { $since }.
evidence-backend-said = As palavras do servidor em { $at }: { $line }
evidence-ended = Registrado em { $at }: { $sentence }
evidence-locked-replies = Respostas do servidor de que a caixa de correio está em uso: { $count }, a última até { $last }.
evidence-held = { $who } esteve na caixa de correio a partir de { $from }, durante { $held }.
evidence-silent = { $who } não enviou nada durante { $idle }, nem QUIT.
evidence-never-quits = Sessões de { $who } nesse dia, todas sem QUIT: { $sessions }.
evidence-preempted = { $who } foi desconectado em { $at } porque outro programa esperava.
evidence-twins = Sessões de { $address } enquanto outra do mesmo endereço estava na caixa de correio, ou logo depois dela: { $count }, a última em { $last }.
evidence-contended = Logins do dia que esperaram por outra sessão: { $count }; programas na caixa de correio: { $clients }.
evidence-too-early = O login em { $at } chegou { $early } antes do permitido.
evidence-too-soon = O login em { $at } chegou antes do que o servidor permite.
evidence-often = Logins de { $who } na hora anterior: { $count }.
evidence-breaks = Sessões de { $who } que caíram e voltaram em até meio minuto: { $count }, a última em { $last }.
evidence-stalled = { $who } não aceitou mais dados e foi desconectado em { $at }.
evidence-undeleted = Mensagens marcadas como apagadas e ainda presentes em { $at }: { $marked }.

## As sessões em volta

section-sessions = Sessões em volta
session = { $who }; esperou { $waited }, na caixa de correio { $held }: { $ending }
session-open = { $who }; na caixa de correio há { $held }

## The picture of a timeline

picture-title = Quem esteve na caixa de correio { $maildrop }
picture-no-logins = Nenhum login neste período.
picture-left-out = Há logins demais para uma só imagem: pelo menos { $count } não são mostrados.
picture-incomplete = Podem faltar sessões deste período: o registro não pode ser lido por inteiro neste momento.
picture-not-kept = Nada foi registrado deste período.
picture-to-come = Este período ainda está por vir.
picture-now = agora
picture-hold = na caixa de correio
picture-login = tem o bloqueio, fora da caixa de correio
picture-wait = espera pela caixa de correio
picture-delay = retido
picture-refused = login recusado
picture-preempted = encerrado para dar lugar a outro
picture-kicked = encerrado por um operador
picture-failed = interrompido
picture-gave-up = saiu antes de entrar
picture-without-quit = saiu sem QUIT
picture-twin = segunda sessão do mesmo cliente
mark-answer = { $ending }; o cliente recebeu: { $line }
mark-twin = outra sessão do mesmo cliente estava na caixa de correio ou tinha acabado de sair dela
