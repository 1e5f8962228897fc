//! Credit and windows.

use fe2o3_amqp_types::{definitions::Role, performatives::Flow};

use super::{
    error::Result,
    event::Event,
    link::{Link, LinkState},
    output::Output,
    session::Session,
};

impl Session {
    /// Takes what the peer says about its windows and the credit of a link.
    pub(super) fn on_flow(&mut self, flow: &Flow, output: &mut Output) -> Result<()> {
        // A peer that has not seen our `begin` counts from the first number, which is 0.
        let known = flow.next_incoming_id.unwrap_or(0);
        let on_the_way = self.next_outgoing_id.wrapping_sub(known);
        self.remote_window = flow.incoming_window.saturating_sub(on_the_way);
        if let Some(handle) = &flow.handle {
            self.on_link_flow(handle.0, flow, output)?;
        }
        self.send_waiting(output);
        if flow.echo {
            self.write_flow(flow.handle.as_ref().map(|handle| handle.0), output);
        }
        Ok(())
    }

    fn on_link_flow(&mut self, handle: u32, flow: &Flow, output: &mut Output) -> Result<()> {
        let link = self.link_mut(handle)?;
        if link.role != Role::Sender || link.state == LinkState::Detaching {
            return Ok(());
        }
        link.take_credit(flow);
        if link.state == LinkState::Attached {
            output.event(Event::Credit {
                link: link.id,
                is_draining: link.is_draining,
            });
        }
        Ok(())
    }

    /// Tells the owner of all links that may send again.
    pub(super) fn tell_credit(&self, output: &mut Output) {
        for link in self.links.values() {
            if link.is_sender() && 0 < link.credit {
                output.event(Event::Credit {
                    link: link.id,
                    is_draining: link.is_draining,
                });
            }
        }
    }

    /// Gives the peer credit again once half of it is used up.
    pub(super) fn top_up(&mut self, handle: u32, credit_max: u32, output: &mut Output) {
        let Some(link) = self.links.get_mut(&handle) else {
            return;
        };
        if link.role != Role::Receiver || link.state != LinkState::Attached {
            return;
        }
        let credit = credit_max.saturating_sub(link.unanswered);
        if link.credit <= credit_max / 2 && link.credit < credit {
            link.credit = credit;
            self.write_flow(Some(handle), output);
        }
    }
}

impl Link {
    /// Counts what the peer grants from where it knows us to be.
    fn take_credit(&mut self, flow: &Flow) {
        let Some(granted) = flow.link_credit else {
            return;
        };
        let known = flow.delivery_count.unwrap_or(0);
        let on_the_way = self.delivery_count.wrapping_sub(known);
        self.credit = granted.saturating_sub(on_the_way);
        self.is_draining = flow.drain;
    }
}
