//! Which operation calls what.

use serde::{Serialize, de::DeserializeOwned};

use super::poll;
use crate::{
    api::{Code, Error, Result},
    model::{Call, Model},
    operation::Operation,
    shared::Shared,
};

/// Runs an operation on the body of a request, and returns the body of the answer.
pub(super) async fn run(
    shared: &Shared,
    call: &mut Call,
    operation: Operation,
    body: &[u8],
) -> Result<Vec<u8>> {
    if operation == Operation::ReceiveMessage {
        return write(&poll::receive(shared, call, read(body)?).await?);
    }
    run_now(&mut shared.state().model, call, operation, body)
}

fn run_now(
    model: &mut Model,
    call: &mut Call,
    operation: Operation,
    body: &[u8],
) -> Result<Vec<u8>> {
    match operation {
        Operation::AddPermission => write(&model.add_permission(call, &read(body)?)?),
        Operation::CancelMessageMoveTask => write(&model.cancel_move(call, &read(body)?)?),
        Operation::ChangeMessageVisibility => write(&model.change_visibility(call, read(body)?)?),
        Operation::ChangeMessageVisibilityBatch => {
            write(&model.change_visibility_batch(call, read(body)?)?)
        }
        Operation::CreateQueue => write(&model.create_queue(call, read(body)?)?),
        Operation::DeleteMessage => write(&model.delete(call, read(body)?)?),
        Operation::DeleteMessageBatch => write(&model.delete_batch(call, read(body)?)?),
        Operation::DeleteQueue => write(&model.delete_queue(call, &read(body)?)?),
        Operation::GetQueueAttributes => write(&model.get_attributes(call, &read(body)?)?),
        Operation::GetQueueUrl => write(&model.get_queue_url(call, read(body)?)?),
        Operation::ListDeadLetterSourceQueues => write(&model.list_sources(call, read(body)?)?),
        Operation::ListMessageMoveTasks => write(&model.list_moves(call, &read(body)?)?),
        Operation::ListQueueTags => write(&model.list_tags(call, &read(body)?)?),
        Operation::ListQueues => write(&model.list_queues(call, read(body)?)?),
        Operation::PurgeQueue => write(&model.purge_queue(call, &read(body)?)?),
        Operation::RemovePermission => write(&model.remove_permission(call, &read(body)?)?),
        Operation::SendMessage => write(&model.send(call, read(body)?)?),
        Operation::SendMessageBatch => write(&model.send_batch(call, read(body)?)?),
        Operation::SetQueueAttributes => write(&model.set_attributes(call, &read(body)?)?),
        Operation::StartMessageMoveTask => write(&model.start_move(call, read(body)?)?),
        Operation::TagQueue => write(&model.tag(call, read(body)?)?),
        Operation::UntagQueue => write(&model.untag(call, &read(body)?)?),
        // The one operation that may wait is not run here.
        Operation::ReceiveMessage => Err(Error::new(Code::InternalError, "it may wait")),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| Error::new(Code::Serialization, error.to_string()))
}

fn write<T: Serialize>(answer: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(answer).map_err(|error| Error::new(Code::InternalError, error.to_string()))
}
