/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Counters with the names of /proc/net/snmp, snmp6 and netstat [rfc4293] [rfc4022] [rfc4113]. Per shard, folded when read.
 */
#include <lib/types.h>

#define STATS_IP(X)                                                                                        \
	X(InReceives) X(InHdrErrors) X(InAddrErrors) X(ForwDatagrams) X(InUnknownProtos) X(InDiscards)     \
	X(InDelivers) X(OutRequests) X(OutDiscards) X(OutNoRoutes) X(ReasmTimeout) X(ReasmReqds)           \
	X(ReasmOKs) X(ReasmFails) X(FragOKs) X(FragFails) X(FragCreates) X(OutTransmits)
#define STATS_ICMP(X)                                                                                      \
	X(InMsgs) X(InErrors) X(InCsumErrors) X(InDestUnreachs) X(InTimeExcds) X(InParmProbs)              \
	X(InSrcQuenchs) X(InRedirects) X(InEchos) X(InEchoReps) X(InTimestamps) X(InTimestampReps)         \
	X(InAddrMasks) X(InAddrMaskReps) X(OutMsgs) X(OutErrors) X(OutRateLimitGlobal)                     \
	X(OutRateLimitHost) X(OutDestUnreachs) X(OutTimeExcds) X(OutParmProbs) X(OutSrcQuenchs)            \
	X(OutRedirects) X(OutEchos) X(OutEchoReps) X(OutTimestamps) X(OutTimestampReps)                    \
	X(OutAddrMasks) X(OutAddrMaskReps)
#define STATS_TCP(X)                                                                                       \
	X(ActiveOpens) X(PassiveOpens) X(AttemptFails) X(EstabResets) X(InSegs) X(OutSegs)                 \
	X(RetransSegs) X(InErrs) X(OutRsts) X(InCsumErrors)
#define STATS_UDP(X)                                                                                       \
	X(InDatagrams) X(NoPorts) X(InErrors) X(OutDatagrams) X(RcvbufErrors) X(SndbufErrors)              \
	X(InCsumErrors) X(IgnoredMulti) X(MemErrors)
#define STATS_TCPEXT(X)                                                                                    \
	X(SyncookiesSent) X(SyncookiesRecv) X(SyncookiesFailed) X(EmbryonicRsts) X(PruneCalled)            \
	X(RcvPruned) X(OfoPruned) X(OutOfWindowIcmps) X(LockDroppedIcmps) X(ArpFilter) X(TW)               \
	X(TWRecycled) X(TWKilled) X(PAWSActive) X(PAWSEstab) X(BeyondWindow) X(TSEcrRejected)              \
	X(PAWSOldAck) X(PAWSTimewait) X(DelayedACKs) X(DelayedACKLocked) X(DelayedACKLost)                 \
	X(ListenOverflows) X(ListenDrops) X(TCPHPHits) X(TCPPureAcks) X(TCPHPAcks) X(TCPRenoRecovery)      \
	X(TCPSackRecovery) X(TCPSACKReneging) X(TCPSACKReorder) X(TCPRenoReorder) X(TCPTSReorder)          \
	X(TCPFullUndo) X(TCPPartialUndo) X(TCPDSACKUndo) X(TCPLossUndo) X(TCPLostRetransmit)               \
	X(TCPRenoFailures) X(TCPSackFailures) X(TCPLossFailures) X(TCPFastRetrans)                         \
	X(TCPSlowStartRetrans) X(TCPTimeouts) X(TCPLossProbes) X(TCPLossProbeRecovery)                     \
	X(TCPRenoRecoveryFail) X(TCPSackRecoveryFail) X(TCPRcvCollapsed) X(TCPBacklogCoalesce)             \
	X(TCPDSACKOldSent) X(TCPDSACKOfoSent) X(TCPDSACKRecv) X(TCPDSACKOfoRecv) X(TCPAbortOnData)         \
	X(TCPAbortOnClose) X(TCPAbortOnMemory) X(TCPAbortOnTimeout) X(TCPAbortOnLinger)                    \
	X(TCPAbortFailed) X(TCPMemoryPressures) X(TCPMemoryPressuresChrono) X(TCPSACKDiscard)              \
	X(TCPDSACKIgnoredOld) X(TCPDSACKIgnoredNoUndo) X(TCPSpuriousRTOs) X(TCPMD5NotFound)                \
	X(TCPMD5Unexpected) X(TCPMD5Failure) X(TCPSackShifted) X(TCPSackMerged) X(TCPSackShiftFallback)    \
	X(TCPBacklogDrop) X(PFMemallocDrop) X(TCPMinTTLDrop) X(TCPDeferAcceptDrop) X(IPReversePathFilter)  \
	X(TCPTimeWaitOverflow) X(TCPReqQFullDoCookies) X(TCPReqQFullDrop) X(TCPRetransFail)                \
	X(TCPRcvCoalesce) X(TCPOFOQueue) X(TCPOFODrop) X(TCPOFOMerge) X(TCPChallengeACK)                   \
	X(TCPSYNChallenge) X(TCPFastOpenActive) X(TCPFastOpenActiveFail) X(TCPFastOpenPassive)             \
	X(TCPFastOpenPassiveFail) X(TCPFastOpenListenOverflow) X(TCPFastOpenCookieReqd)                    \
	X(TCPFastOpenBlackhole) X(TCPSpuriousRtxHostQueues) X(BusyPollRxPackets) X(TCPAutoCorking)         \
	X(TCPFromZeroWindowAdv) X(TCPToZeroWindowAdv) X(TCPWantZeroWindowAdv) X(TCPSynRetrans)             \
	X(TCPOrigDataSent) X(TCPHystartTrainDetect) X(TCPHystartTrainCwnd) X(TCPHystartDelayDetect)        \
	X(TCPHystartDelayCwnd) X(TCPACKSkippedSynRecv) X(TCPACKSkippedPAWS) X(TCPACKSkippedSeq)            \
	X(TCPACKSkippedFinWait2) X(TCPACKSkippedTimeWait) X(TCPACKSkippedChallenge) X(TCPWinProbe)         \
	X(TCPKeepAlive) X(TCPMTUPFail) X(TCPMTUPSuccess) X(TCPDelivered) X(TCPDeliveredCE)                 \
	X(TCPAckCompressed) X(TCPZeroWindowDrop) X(TCPRcvQDrop) X(TCPWqueueTooBig)                         \
	X(TCPFastOpenPassiveAltKey) X(TcpTimeoutRehash) X(TcpDuplicateDataRehash) X(TCPDSACKRecvSegs)      \
	X(TCPDSACKIgnoredDubious) X(TCPMigrateReqSuccess) X(TCPMigrateReqFailure) X(TCPPLBRehash)
#define STATS_IPEXT(X)                                                                                     \
	X(InNoRoutes) X(InTruncatedPkts) X(InMcastPkts) X(OutMcastPkts) X(InBcastPkts) X(OutBcastPkts)     \
	X(InOctets) X(OutOctets) X(InMcastOctets) X(OutMcastOctets) X(InBcastOctets) X(OutBcastOctets)     \
	X(InCsumErrors) X(InNoECTPkts) X(InECT1Pkts) X(InECT0Pkts) X(InCEPkts) X(ReasmOverlaps)
#define STATS_IP6(X)                                                                                       \
	X(InReceives) X(InHdrErrors) X(InTooBigErrors) X(InNoRoutes) X(InAddrErrors) X(InUnknownProtos)    \
	X(InTruncatedPkts) X(InDiscards) X(InDelivers) X(OutForwDatagrams) X(OutRequests) X(OutDiscards)   \
	X(OutNoRoutes) X(ReasmTimeout) X(ReasmReqds) X(ReasmOKs) X(ReasmFails) X(FragOKs) X(FragFails)     \
	X(FragCreates) X(InMcastPkts) X(OutMcastPkts) X(InOctets) X(OutOctets) X(InMcastOctets)            \
	X(OutMcastOctets) X(InBcastOctets) X(OutBcastOctets) X(InNoECTPkts) X(InECT1Pkts) X(InECT0Pkts)    \
	X(InCEPkts) X(OutTransmits)
#define STATS_ICMP6(X)                                                                                     \
	X(InMsgs) X(InErrors) X(OutMsgs) X(OutErrors) X(InCsumErrors) X(OutRateLimitHost)
#define STATS_UDP6(X)                                                                                      \
	X(InDatagrams) X(NoPorts) X(InErrors) X(OutDatagrams) X(RcvbufErrors) X(SndbufErrors)              \
	X(InCsumErrors) X(IgnoredMulti) X(MemErrors)

/* One number space: STAT_Ip_InReceives, STAT_TcpExt_TCPHPHits, ... */
#define STATS_ENUM_(group, name) STAT_##group##_##name,
#define STATS_E_IP(n) STATS_ENUM_(Ip, n)
#define STATS_E_ICMP(n) STATS_ENUM_(Icmp, n)
#define STATS_E_TCP(n) STATS_ENUM_(Tcp, n)
#define STATS_E_UDP(n) STATS_ENUM_(Udp, n)
#define STATS_E_TCPEXT(n) STATS_ENUM_(TcpExt, n)
#define STATS_E_IPEXT(n) STATS_ENUM_(IpExt, n)
#define STATS_E_IP6(n) STATS_ENUM_(Ip6, n)
#define STATS_E_ICMP6(n) STATS_ENUM_(Icmp6, n)
#define STATS_E_UDP6(n) STATS_ENUM_(Udp6, n)

/* clang-format off */
enum inet_stat {
	STATS_IP(STATS_E_IP) STATS_ICMP(STATS_E_ICMP) STATS_TCP(STATS_E_TCP) STATS_UDP(STATS_E_UDP)
	STATS_TCPEXT(STATS_E_TCPEXT) STATS_IPEXT(STATS_E_IPEXT) STATS_IP6(STATS_E_IP6)
	STATS_ICMP6(STATS_E_ICMP6) STATS_UDP6(STATS_E_UDP6)
	INET_NSTATS,
};
/* clang-format on */
